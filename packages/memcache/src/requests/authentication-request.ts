import type { Output } from '@glammp/wire'
import type { Credentials, Protocol } from '../protocol/protocol.js'
import { type Reply, ReplyKind } from '../protocol/reply.js'
import { isNoEntry, refusal } from './refusal.js'
import { Request } from './request.js'

/**
 * The outcome of authentication: `unknown`: the server does not ask for a password; `failed`: it
 * could not check it.
 */
export type Authenticated = 'accepted' | 'refused' | 'unknown' | 'failed'

const ANSWERS: ReadonlyMap<ReplyKind, Authenticated> = new Map<ReplyKind, Authenticated>([
  [ReplyKind.DONE, 'accepted'],
  [ReplyKind.CLIENT_ERROR, 'refused'],
  [ReplyKind.UNKNOWN, 'unknown'],
  [ReplyKind.SERVER_ERROR, 'failed'],
])

/**
 * A line that changes nothing, and long enough for a server that speaks binary alone (`-S`): that
 * one waits for the 24 bytes of a header before it sees that they are not one, and closes.
 */
const HARMLESS = `mn${' '.repeat(30)}`

/** Asks a text server whether it wants a password. */
export class GreetingRequest extends Request<boolean> {
  constructor() {
    super('authentication', undefined)
  }

  get repeatable(): boolean {
    return false
  }

  encode(protocol: Protocol, out: Output): number {
    protocol.line(HARMLESS, out)
    return 1
  }

  accept(reply: Reply): void {
    this.succeed(isNoEntry(reply))
  }
}

/** The first request of a connection to a server that asks for a password. */
export class AuthenticationRequest extends Request<Authenticated> {
  readonly #credentials: Credentials

  constructor(credentials: Credentials) {
    super('authentication', undefined)
    this.#credentials = credentials
  }

  get repeatable(): boolean {
    return false
  }

  encode(protocol: Protocol, out: Output): number {
    protocol.authenticate(this.#credentials, out)
    return 1
  }

  accept(reply: Reply): void {
    const answer = ANSWERS.get(reply.kind)
    // The server's own text is dropped: it might repeat what was sent to it.
    if (answer !== undefined) this.succeed(answer)
    else this.fail(refusal(reply, this))
  }
}
