import { type Fault, parseServer } from '@glammp/wire'
import { ConnectionError } from '../../errors.js'
import { classicProtocol } from '../../protocol/classic/classic.js'
import type { Request } from '../../requests/request.js'
import { type FakeConnection, FakeNetwork } from './fake-connection.js'
import { Session, type SessionOwner } from './session.js'

const address = parseServer('localhost', { defaultPort: 11_211, schemes: {} })

/** The room above, with what it was told: a word and the keys, in order. */
export class Listener implements SessionOwner {
  readonly told: string[] = []
  readonly reasons: Fault[] = []
  readonly sessions: Session[] = []

  answered(request: Request): void {
    this.told.push(`answered ${request.key}`)
  }
  dropped(request: Request): void {
    this.told.push(`dropped ${request.key}`)
  }
  goesOn(request: Request, milliseconds: number): void {
    this.told.push(`goesOn ${request.key} ${milliseconds}`)
  }
  lost(request: Request, reason: Fault): void {
    this.told.push(`lost ${request.key}`)
    this.reasons.push(reason)
    request.fail(new ConnectionError(reason.message))
  }
  abandoned(changes: readonly Request[], end: (gone: () => void) => () => void): void {
    this.told.push(`abandoned ${changes.map(({ key }) => key).join(' ')}`)
    end(() => this.told.push('gone'))
  }
  finished(session: Session): void {
    this.told.push('finished')
    this.sessions.push(session)
  }
}

/** What unit tests of a session stand on. */
export interface Opened {
  readonly session: Session
  readonly connection: FakeConnection
  readonly listener: Listener
  /** Sends requests, of which nobody minds a failure. */
  readonly send: (...requests: Request[]) => boolean
}

/** Opens a session on a fake connection. */
export function openOn(network: FakeNetwork, encrypted = false): Promise<Session> {
  const options = { address, connectTimeout: 100, ...(encrypted ? { tls: {} } : {}) }
  return Session.open(options, classicProtocol, network.connect)
}

/** A session on a fake connection. */
export async function opened(encrypted = false): Promise<Opened> {
  const network = new FakeNetwork()
  const session = await openOn(network, encrypted)
  const listener = new Listener()
  return {
    session,
    connection: network.connections[0] as FakeConnection,
    listener,
    send: (...requests) => {
      for (const { promise } of requests) promise.catch(() => {})
      return session.send(requests, listener)
    },
  }
}

/** What `get` is answered. */
export const hit = (key: string, value: string): string =>
  `VALUE ${key} 0 ${value.length}\r\n${value}\r\nEND\r\n`
