import { type Deadlines, Fault, type ServerAddress } from '@glammp/wire'
import type { Credentials, Protocol } from '../../protocol/protocol.js'
import { AuthenticationRequest, GreetingRequest } from '../../requests/authentication-request.js'
import { AuthenticationFault } from '../../requests/refusal.js'
import { exchange } from './exchange.js'
import type { Session } from './session.js'

/**
 * The credentials for a server: its own (from its URL or object), else those for all.
 *
 * @throws TypeError for credentials that the protocol cannot carry.
 */
export function credentialsFor(
  { name, username, password }: ServerAddress,
  all: Credentials | undefined,
  protocol: string,
): Credentials | undefined {
  const own = username === undefined && password === undefined ? undefined : { username, password }
  const given: { username?: unknown; password?: unknown } | undefined = own ?? all
  if (given === undefined) return undefined
  const { username: user, password: secret } = given
  if (typeof user !== 'string' || user === '' || typeof secret !== 'string' || secret === '') {
    throw new TypeError(`user name and password for ${name} are strings of at least one character`)
  }
  if (`${user}${secret}`.includes('\0')) {
    throw new TypeError(`user name or password for ${name} contains a NUL character`)
  }
  const credentials = { username: user, password: secret }
  if ((protocol === 'meta' || protocol === 'classic') && !fitsText(credentials)) {
    throw new TypeError(`the text protocols cannot carry the user name for ${name}: it has a space`)
  }
  return credentials
}

/** The text handshake is `user password`, and the server's file `user:password`. */
export function fitsText({ username }: Credentials): boolean {
  return !/[\s:]/.test(username)
}

/**
 * Authenticates with a server, on a connection that carried nothing yet.
 *
 * @throws AuthenticationFault if it refuses, or does not ask for a password; another Fault if it
 *   does not answer, or closes the connection as a server does that speaks the other protocol
 *   alone.
 */
export async function authenticate(
  session: Session,
  protocol: Protocol,
  credentials: Credentials,
  deadlines: Deadlines,
  timeout: number,
): Promise<void> {
  if (protocol.name !== 'binary' && !(await isAsked(session, deadlines, timeout))) {
    end(session, new AuthenticationFault(NOT_ASKED))
  }
  const request = new AuthenticationRequest(credentials)
  const [answer] = await exchange(session, [request], deadlines, timeout)
  const outcome = answer?.status === 'fulfilled' ? answer.value : 'failed'
  if (outcome === 'refused') end(session, new AuthenticationFault(REFUSED))
  if (outcome === 'unknown') end(session, new AuthenticationFault(NOT_ASKED))
  if (outcome === 'failed') end(session, new Fault('connect', 'the password was not checked'))
}

const REFUSED = 'the server refused the user name or the password'

// Does not count as success: a user who sets a password expects the server to require it.
const NOT_ASKED = 'the server asks for no password, but one is set (auth)'

// If the connection has already ended, that is the reason.
function end(session: Session, fault: Fault): never {
  const reason = session.reason ?? fault
  session.close(fault)
  throw reason
}

/** Whether a text server wants a handshake: another one would store the password as a value. */
async function isAsked(session: Session, deadlines: Deadlines, timeout: number): Promise<boolean> {
  const [answer] = await exchange(session, [new GreetingRequest()], deadlines, timeout)
  if (answer?.status === 'fulfilled') return answer.value
  return end(session, new Fault('connect', 'no answer to mn'))
}
