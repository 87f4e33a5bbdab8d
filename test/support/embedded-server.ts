import { readFile } from 'node:fs/promises'
import type { TlsOptions } from 'node:tls'
import { type Endpoint, formatAddress, type RunningServer } from './server.js'

/** What `@glammp/memcache/testing` and `@glammp/gearman/testing` start. */
interface InProcess {
  freeze(): void
  thaw(): void
  close(): Promise<void>
}

export type StartInProcess = (place: {
  readonly host?: string
  readonly port?: number
  readonly path?: string
}) => Promise<InProcess>

/** A server inside this process, as one of the test's server programs. */
export class EmbeddedServer implements RunningServer {
  readonly pid: undefined
  readonly #endpoint: Endpoint
  readonly #start: StartInProcess
  readonly #release: () => void
  #server: InProcess | undefined
  #released = false

  private constructor(endpoint: Endpoint, start: StartInProcess, release: () => void) {
    this.#endpoint = endpoint
    this.#start = start
    this.#release = release
  }

  static async start(
    endpoint: Endpoint,
    start: StartInProcess,
    release: () => void,
  ): Promise<EmbeddedServer> {
    const server = new EmbeddedServer(endpoint, start, release)
    try {
      await server.restart()
    } catch (error) {
      release()
      throw error
    }
    return server
  }

  get address(): string {
    return formatAddress(this.#endpoint)
  }

  get host(): string {
    return this.#endpoint.host
  }

  get port(): number {
    return this.#endpoint.port
  }

  logs(): string {
    return ''
  }

  async pause(): Promise<void> {
    this.#running().freeze()
  }

  async resume(): Promise<void> {
    this.#running().thaw()
  }

  async kill(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    await server?.close()
    // Clients in this process hear of it before the test goes on, as they do while a process ends.
    for (const _ of [1, 2]) await new Promise(setImmediate)
  }

  async terminate(): Promise<void> {
    await this.kill()
  }

  async restart(): Promise<void> {
    if (this.#released) throw new Error(`${this.address} was stopped: its port is given back`)
    await this.kill()
    const { host, port, socket } = this.#endpoint
    this.#server = await this.#start(socket === undefined ? { host, port } : { path: socket })
  }

  async stop(): Promise<void> {
    await this.kill()
    if (this.#released) return
    this.#released = true
    this.#release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #running(): InProcess {
    if (this.#server === undefined) throw new Error(`the server at ${this.address} does not run`)
    return this.#server
  }
}

/** The flags of a server's command line, and what each is for a server in the process. */
export type Flags = Readonly<Record<string, (value: string) => object | Promise<object>>>

/**
 * The options that a command line means.
 *
 * @param switches - flags without a value.
 * @throws an Error for a flag that servers in the process do not have.
 */
export const optionsOfFlags = async (
  args: readonly string[],
  flags: Flags,
  switches: Flags = {},
): Promise<object> => {
  const options: object[] = []
  const left = [...args]
  for (let flag = left.shift(); flag !== undefined; flag = left.shift()) {
    const found = switches[flag]?.('') ?? flags[flag]?.(left.shift() ?? '')
    if (found === undefined) {
      throw new Error(
        `servers in the process have no ${flag}: skip this test unless serversAreReal`,
      )
    }
    options.push(await found)
  }
  return Object.assign({}, ...options)
}

/** Reads the PEM files of TLS options. */
export const readPem = async (files: Readonly<Record<string, string>>): Promise<TlsOptions> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(files).map(async ([name, path]) => [name, await readFile(path)] as const),
    ),
  )
