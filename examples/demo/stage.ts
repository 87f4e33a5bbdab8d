import { fileURLToPath } from 'node:url'
import { startGearmand } from '../../test/support/gearmand.js'
import { startMemcached } from '../../test/support/memcached.js'
import { type RunningProcess, startProcess } from '../../test/support/process.js'
import { startProxy } from '../../test/support/proxy.js'
import { serverSource } from '../../test/support/server-source.js'
import { temporaryDirectory } from '../../test/support/temporary-directory.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Milliseconds after which a program of the demo is ended, whatever it does. */
const PROGRAM_TIMEOUT = 120_000

/** An engine may be there, but the demo loads no images onto a person's machine. */
const source = (name: 'memcached' | 'gearmand') => serverSource(name, () => 'embedded')

interface Server extends AsyncDisposable {
  readonly address: string
  stop(): Promise<void>
}

/** Where the demo plays: the servers, and the examples as processes of their own. */
export class Stage implements AsyncDisposable {
  /** Whether the servers were started here, or are the user's own and may hold what matters. */
  readonly ownServers: boolean = source('memcached') !== 'given'
  /** The servers that this process plays itself, because it finds none. */
  readonly played: readonly string[] = (['memcached', 'gearmand'] as const).filter(
    (name) => source(name) === 'embedded',
  )
  readonly #resources: AsyncDisposable[] = []
  #memcached: readonly Server[] = []
  #gearmand: readonly string[] = []
  #env: Readonly<Record<string, string>> = {}

  /** Addresses of the memcached servers. */
  get memcached(): readonly string[] {
    return this.#memcached.map(({ address }) => address)
  }

  get gearmand(): readonly string[] {
    return this.#gearmand
  }

  /** Starts three memcached and two gearmand, or takes the servers that the environment names. */
  async set(): Promise<void> {
    const directory = this.#keep(await temporaryDirectory())
    this.#memcached = this.ownServers ? await this.#startMemcached() : await this.#takeMemcached()
    this.#gearmand = await this.#findGearmand()
    this.#env = {
      MEMCACHED_SERVERS: this.memcached.join(),
      GEARMAN_SERVERS: this.gearmand.join(),
      // The database files of the examples go away with the demo, however it ends.
      TMPDIR: directory.path,
    }
  }

  /** Runs an example to its end; resolves to what it printed. @throws unless its exit code is 0. */
  async run(example: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#launch(example, args).ended
    if (code === 0) return stdout
    throw new Error(`${example} ended with exit code ${code}:\n${stdout}${stderr}`)
  }

  /** Starts an example that runs until it is stopped, and waits for its first line. */
  async start(example: string, ...args: string[]): Promise<RunningProcess> {
    const started = this.#launch(example, args)
    await started.waitForOutput(/.\n/)
    return started
  }

  /** Stops one memcached for good; resolves to its address. */
  async stopOneMemcached(): Promise<string> {
    const server = this.#memcached.at(-1)
    await server?.stop()
    return server?.address ?? ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources.splice(0).reverse()) {
      await resource[Symbol.asyncDispose]()
    }
  }

  async #startMemcached(): Promise<Server[]> {
    const servers: Server[] = []
    for (let i = 0; i < 3; i++)
      servers.push(this.#keep(await startMemcached({ source: source('memcached') })))
    return servers
  }

  /** The user's servers, the last one through a proxy: stopping that leaves the server alone. */
  async #takeMemcached(): Promise<Server[]> {
    const addresses = given('MEMCACHED_SERVERS', 11_211)
    const proxied = this.#keep(await startProxy(addresses.pop() ?? ''))
    const untouched = addresses.map((address) => ({
      address,
      stop: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    }))
    return [...untouched, proxied]
  }

  async #findGearmand(): Promise<string[]> {
    if (source('gearmand') === 'given') return given('GEARMAN_SERVERS', 4730)
    const first = this.#keep(await startGearmand({ source: source('gearmand') }))
    const second = this.#keep(await startGearmand({ source: source('gearmand') }))
    return [first.address, second.address]
  }

  #launch(example: string, args: readonly string[]): RunningProcess {
    const command = ['--import', 'tsx', `examples/${example}.ts`, ...args]
    const options = { cwd: ROOT, env: this.#env, timeout: PROGRAM_TIMEOUT }
    return this.#keep(startProcess(process.execPath, command, options))
  }

  #keep<T extends AsyncDisposable>(resource: T): T {
    this.#resources.push(resource)
    return resource
  }
}

function given(variable: 'MEMCACHED_SERVERS' | 'GEARMAN_SERVERS', port: number): string[] {
  const servers = (process.env[variable] ?? '').split(/[\s,]+/).filter((server) => server !== '')
  return servers.map((server) => (/:\d+$|^unix:/.test(server) ? server : `${server}:${port}`))
}
