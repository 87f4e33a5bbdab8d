import { Deadlines, Fault, parseServer, type ServerAddress } from '@glammp/wire'
import { vi } from 'vitest'
import type { MemcacheEvents, Tell } from '../observing/events.js'
import { setOf } from '../requests/test-requests.js'
import { type FakeConnection, FakeNetwork } from './connection/fake-connection.js'
import type { Connect } from './connection/session.js'
import { Fleet, type FleetOptions } from './fleet.js'

/** Addresses of servers, which are at these hosts. */
export const at = (...hosts: string[]): ServerAddress[] =>
  hosts.map((host) => parseServer(host, { defaultPort: 11_211, schemes: {} }))

/** What `config get cluster` is answered. */
export function cluster(version: number, ...hosts: string[]): string {
  const block = `${version}\n${hosts.map((host) => `${host}||11211`).join(' ')}\n`
  return `CONFIG cluster 0 ${block.length}\r\n${block}\r\nEND\r\n`
}

/** What unit tests of a fleet stand on. */
export class FleetFixture {
  readonly network: FakeNetwork = new FakeNetwork()
  /** Hosts at which nobody listens. */
  readonly down: Set<string> = new Set()
  /** Hosts that take commands and answer none. */
  readonly silent: Set<string> = new Set()
  /** What was asked of whom, in order: the host and the line. */
  readonly asked: string[] = []
  /** What the endpoint names. */
  list = ''
  /** The events: each with the host that it is about. */
  readonly told: string[] = []
  /** The same, as they are told. */
  readonly events: MemcacheEvents[keyof MemcacheEvents][0][] = []
  /** Servers whose metrics are gone. */
  readonly forgotten: string[] = []
  readonly fleet: Fleet

  /** A key belongs to the server at the host that is its first letter; to the first if none is. */
  constructor(options: Partial<FleetOptions> = {}) {
    this.network.answer = (line, connection) => this.#answer(line, connection)
    const connect: Connect = (asked, owner) => {
      const { host } = asked.address
      if (!this.down.has(host)) return this.network.connect(asked, owner)
      return Promise.reject(new Fault('connect', `nobody at ${host}`))
    }
    const all: FleetOptions = {
      servers: at('a', 'b'),
      distribution: (servers) => ({
        pick: (key) =>
          Math.max(
            0,
            servers.findIndex(({ host }) => host === key[0]),
          ),
      }),
      failover: { kind: 'none' },
      discovery: undefined,
      nodeAddress: ({ host }) => at(host)[0] as ServerAddress,
      namespaceLength: 0,
      protocol: 'classic',
      connectTimeout: 100,
      tls: undefined,
      auth: undefined,
      connect,
      pool: { min: 0, max: 1 },
      maxPending: 100,
      retries: 0,
      ejection: undefined,
      meter: {
        settled: () => {},
        trafficOf: () => undefined as never,
        forget: (server) => this.forgotten.push(server),
      },
      ...options,
    }
    const tell: Tell = (event, details) => {
      const { server = '' } = details as { server?: string }
      this.told.push(`${event} ${server}`)
      this.events.push(details)
    }
    this.fleet = new Fleet(all, new Deadlines(), tell)
  }

  /** Stores something where the key goes now. */
  set(key: string): Promise<boolean> {
    const request = setOf(key, 'x')
    request.promise.catch(() => {})
    return this.fleet.serverOf(key).submit(request, 1_000)
  }

  /** Those that were opened to a host, in order. */
  to(host: string): FakeConnection[] {
    return this.network.connections.filter(({ options }) => options.address.host === host)
  }

  /** The server at the host answers, on the last connection to it. */
  answers(host: string, text = 'STORED\r\n'): void {
    this.to(host).at(-1)?.receive(text)
  }

  #answer(line: string, { options }: FakeConnection): string | undefined {
    const { host } = options.address
    // The block of a `set` is no command.
    if (line === 'x') return undefined
    this.asked.push(`${host} ${line}`)
    if (this.silent.has(host)) return undefined
    if (line === 'config get cluster') return this.list
    return line === 'version' ? 'VERSION 1.6.18\r\n' : 'STORED\r\n'
  }
}

/** Lets everything happen that takes no time. */
export const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1)
