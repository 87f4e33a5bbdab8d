import { latin1, type Output } from '@glammp/wire'
import type { Credentials } from '../protocol.js'

/**
 * The handshake of a server with a password file (`-Y`): the first `set` on a connection, with any
 * key. On a connection that is already authenticated it would store the password as a value.
 */
export function textHandshake({ username, password }: Credentials, out: Output): void {
  const token = latin1(Buffer.from(`${username} ${password}`))
  out.text(`set authentication 0 0 ${token.length}\r\n${token}\r\n`)
}
