import type { RunningServer, ServerKind, ServerOptions } from './server.js'

interface GivenServers {
  readonly free: string[]
  readonly total: number
}

const given = new Map<ServerKind['variable'], GivenServers>()

/** The addresses in MEMCACHED_SERVERS or GEARMAN_SERVERS that this process has not handed out. */
const givenServers = (variable: ServerKind['variable']): GivenServers => {
  const known = given.get(variable)
  if (known !== undefined) return known
  const free = (process.env[variable] ?? '').split(/[\s,]+/).filter((address) => address !== '')
  const servers = { free, total: free.length }
  given.set(variable, servers)
  return servers
}

/** A server that the user runs: a test may talk to it, and nothing more. */
export class GivenServer implements RunningServer {
  readonly address: string
  readonly host: string
  readonly port: number
  readonly pid: undefined
  readonly #kind: ServerKind

  private constructor(kind: ServerKind, address: string) {
    const [, host, port] = /^\[?(.+?)\]?(?::(\d+))?$/.exec(address) ?? []
    const isSocket = address.startsWith('unix:')
    this.address = isSocket || port !== undefined ? address : `${address}:${kind.port}`
    this.host = isSocket ? '' : (host ?? address)
    this.port = isSocket ? 0 : Number(port ?? kind.port)
    this.#kind = kind
  }

  static take(kind: ServerKind, options: ServerOptions): GivenServer {
    const { variable, name } = kind
    const { args, host, port, env } = options
    if (args !== undefined || host !== undefined || port !== undefined || env !== undefined) {
      throw new Error(
        `this test starts ${name} in a way of its own, which the servers of ${variable} cannot ` +
          'follow: skip it unless serversAreControllable',
      )
    }
    const { free, total } = givenServers(variable)
    const address = free.shift()
    if (address === undefined) {
      throw new Error(`this test needs more than the ${total} servers that ${variable} names`)
    }
    return new GivenServer(kind, address)
  }

  logs(): string {
    return ''
  }

  pause(): Promise<never> {
    return this.#refuse('paused')
  }

  resume(): Promise<never> {
    return this.#refuse('resumed')
  }

  kill(): Promise<never> {
    return this.#refuse('killed')
  }

  terminate(): Promise<never> {
    return this.#refuse('terminated')
  }

  restart(): Promise<never> {
    return this.#refuse('restarted')
  }

  async stop(): Promise<void> {
    const { free } = givenServers(this.#kind.variable)
    if (!free.includes(this.address)) free.push(this.address)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #refuse(what: string): Promise<never> {
    throw new Error(
      `${this.#kind.name} at ${this.address} was named by ${this.#kind.variable} and cannot be ` +
        `${what} from here: skip this test unless serversAreControllable`,
    )
  }
}
