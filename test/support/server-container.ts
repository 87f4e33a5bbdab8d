import type { Readable } from 'node:stream'
import { GenericContainer, getContainerRuntimeClient, type WaitStrategy } from 'testcontainers'
import { containerEngine } from './container-engine.js'
import { LogTail } from './log-tail.js'
import { ProbeWait } from './probe-wait.js'
import { type Endpoint, formatAddress, type Probe, type RunningServer } from './server.js'

export interface ContainedServer {
  readonly name: string
  readonly image: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly directories: readonly string[]
  /** The port that it listens at inside. */
  readonly innerPort: number
  readonly endpoint: Endpoint
  readonly probe: Probe | undefined
  readonly release: () => void
}

type Container = Parameters<WaitStrategy['waitUntilReady']>[0]

const LOOPBACK = '127.0.0.1'

/** Where the mapped ports of this engine appear. */
export const containerHost = async (): Promise<string> => {
  await containerEngine()
  const { info } = await getContainerRuntimeClient()
  const { host } = info.containerRuntime
  return host === 'localhost' ? LOOPBACK : host
}

/** testcontainers maps ports on all addresses of the machine; those of tests belong on loopback. */
class LoopbackContainer extends GenericContainer {
  readonly #hostIp: string
  readonly #created: (id: string) => void

  constructor(image: string, hostIp: string, created: (id: string) => void) {
    super(image)
    this.#hostIp = hostIp
    this.#created = created
  }

  protected override async beforeContainerCreated(): Promise<void> {
    if (this.#hostIp !== LOOPBACK) return
    const bindings = (this.hostConfig.PortBindings ?? {}) as Record<string, { HostIp?: string }[]>
    for (const binding of Object.values(bindings).flat()) binding.HostIp = LOOPBACK
  }

  protected override async containerCreated(id: string): Promise<void> {
    this.#created(id)
  }
}

/** A server in a container of its own, started by testcontainers over the Docker API. */
export class ServerContainer implements RunningServer {
  readonly #server: ContainedServer
  readonly #log = new LogTail()
  readonly pid: undefined
  #container: Container | undefined
  #isRunning = false
  #isReleased = false

  private constructor(server: ContainedServer) {
    this.#server = server
  }

  static async start(server: ContainedServer): Promise<ServerContainer> {
    const handle = new ServerContainer(server)
    try {
      await handle.#create()
    } catch (cause) {
      await handle.stop()
      throw new Error(`${handle.#name()} does not start; it wrote:\n${handle.logs()}`, { cause })
    }
    return handle
  }

  get address(): string {
    return formatAddress(this.#server.endpoint)
  }

  get host(): string {
    return this.#server.endpoint.host
  }

  get port(): number {
    return this.#server.endpoint.port
  }

  logs(): string {
    return this.#log.toString()
  }

  async pause(): Promise<void> {
    await this.#existing().pause()
  }

  async resume(): Promise<void> {
    await this.#existing().unpause()
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async terminate(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async restart(): Promise<void> {
    const container = this.#existing()
    await this.kill()
    const since = Math.floor(Date.now() / 1_000)
    await container.start()
    this.#isRunning = true
    const { container: client } = await getContainerRuntimeClient()
    this.#follow(await client.logs(container, { since }))
    await new ProbeWait(this.#server.endpoint, this.#server.probe).waitUntilReady(container)
  }

  async stop(): Promise<void> {
    if (this.#isReleased) return
    this.#isReleased = true
    const container = this.#container
    this.#container = undefined
    this.#isRunning = false
    try {
      await container?.remove({ force: true, v: true })
    } catch (error) {
      // testcontainers removes a container that did not become ready.
      if ((error as { statusCode?: number }).statusCode !== 404) throw error
    }
    this.#server.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #name(): string {
    return `${this.#server.name} in a container at ${this.address}`
  }

  #existing(): Container {
    if (this.#container === undefined) {
      throw new Error(`${this.#name()} was stopped: its port is given back`)
    }
    return this.#container
  }

  async #create(): Promise<void> {
    const { image, args, env, directories, innerPort, endpoint, probe } = this.#server
    const { owner } = await containerEngine()
    const { container: client } = await getContainerRuntimeClient()
    const created = (id: string): void => {
      this.#container = client.getById(id)
    }
    const container = new LoopbackContainer(image, endpoint.host, created)
      // The guardian cleans up; testcontainers' own way leaves a lock file behind.
      .withAutoCleanup(false)
      // A test's directories belong to the user who runs it, and only root reads all of them.
      .withUser('root')
      .withCommand([...args])
      .withEnvironment({ ...env })
      .withLabels(owner)
      .withBindMounts(directories.map((path) => ({ source: path, target: path })))
      .withLogConsumer((stream) => this.#follow(stream))
      .withWaitStrategy(new ProbeWait(endpoint, probe))
    if (endpoint.socket === undefined) {
      container.withExposedPorts({ container: innerPort, host: endpoint.port })
    }
    await container.start()
    this.#isRunning = true
  }

  #follow(stream: Readable): void {
    stream.on('data', (chunk: Buffer | string) => this.#log.append(chunk))
    stream.on('error', () => undefined)
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.#isRunning) return
    const container = this.#existing()
    const { State } = await container.inspect()
    // A frozen process gets no signal, not even this one.
    if (State.Paused) await container.unpause()
    await container.kill({ signal })
    await container.wait()
    this.#isRunning = false
  }
}
