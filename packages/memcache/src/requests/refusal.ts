import { Fault } from '@glammp/wire'
import { ClientError, type MemcacheError, ServerError } from '../errors.js'
import { keyText } from '../key.js'
import { type Reply, ReplyKind } from '../protocol/reply.js'
import type { Request } from './request.js'

/** The server can be reached, but refuses us: nothing else on the connection will work either. */
export class AuthenticationFault extends Fault {
  constructor(message: string) {
    super('connect', message)
  }
}

/**
 * The server has the meta commands of memcached before 1.6.10: some look like those of today and
 * mean something else.
 */
export class OldMetaFault extends Fault {
  constructor(version = 'unknown') {
    super(
      'garbled',
      `the server (version ${version}) lacks the meta commands of memcached 1.6.10 and later: ` +
        `set protocol to 'auto' or 'classic'`,
    )
  }
}

/** `-Y`: to any command, and to a `set` taken for a handshake; `-S`: to any command. */
const NO_ENTRY =
  /^(unauthenticated|authentication failure|bad authentication token format|Auth failure\.)$/

/** The binary protocol has no other answer to a flush that is not allowed. */
const BINARY_NO_ENTRY = 'Auth failure.'

const REFUSED = 'the server refused: '

/** Whether a server says that it requires a password, or that the password is wrong. */
export function isNoEntry({ kind, text }: Reply): boolean {
  return kind === ReplyKind.CLIENT_ERROR && NO_ENTRY.test(text)
}

/**
 * The error for a reply that is not a valid answer to its command.
 *
 * @throws Fault if it is the answer to another command: the connection is out of step; and
 * AuthenticationFault, because a `-Y` server answers one command of several in this way.
 */
export function refusal(reply: Reply, request: Request): MemcacheError {
  const details = request.details()
  const what =
    request.key === undefined ? request.command : `${request.command} ${keyText(request.key)}`
  if (reply.kind === ReplyKind.SERVER_ERROR) {
    return new ServerError(`${what}: the server failed: ${reply.text}`, details)
  }
  if (request.sweeps && reply.text === BINARY_NO_ENTRY) {
    return new ClientError(
      `${what}: the server does not allow it (-F), or asks for a password`,
      details,
    )
  }
  // What it says to `ms`; a flag of the user's own may be invalid anywhere.
  if (reply.text === 'invalid flag' && !request.command.startsWith('meta '))
    throw new OldMetaFault()
  if (isNoEntry(reply)) throw new AuthenticationFault('the server asks for a password (auth)')
  if (reply.kind === ReplyKind.CLIENT_ERROR) {
    return new ClientError(`${what}: ${REFUSED}${reply.text}`, details)
  }
  if (reply.kind === ReplyKind.UNKNOWN) {
    const why = /^(unknown command)?$/i.test(reply.text)
      ? 'the server does not know this command'
      : REFUSED + reply.text
    return new ClientError(`${what}: ${why}`, details)
  }
  throw new Fault('garbled', `${what} got an answer that belongs to another command`)
}
