import { type MemcachedServer, startMemcached } from '../../support/memcached.js'
import { type FaultProxy, startProxy } from '../../support/proxy.js'
import type { Fault, Program } from './program.js'

/** From the wish to kill a server until it is gone: whatever it held is lost in between. */
export interface Kill {
  readonly server: number
  readonly start: number
  readonly end: number
}

const attempt = async (work: () => Promise<unknown>): Promise<void> => {
  // Another fault has killed it, or the program is over.
  await work().catch(() => undefined)
}

/** The servers of a program, the proxies before them, and what happens to both. */
export class Stage {
  readonly kills: Kill[] = []
  /** When a line was slow. */
  readonly slow: { readonly start: number; readonly end: number }[] = []
  readonly counts: Record<string, number> = {}
  readonly #servers: readonly MemcachedServer[]
  /** For each client those before its servers; one row where all clients share them. */
  readonly #proxies: readonly (readonly FaultProxy[])[]
  readonly #ends = new Set<() => Promise<void>>()
  /** One change of a server after the other. */
  readonly #turns: Promise<void>[]

  private constructor(
    servers: readonly MemcachedServer[],
    proxies: readonly (readonly FaultProxy[])[],
  ) {
    this.#servers = servers
    this.#proxies = proxies
    this.#turns = servers.map(() => Promise.resolve())
  }

  static async start({ servers, gutter, path, clients }: Program): Promise<Stage> {
    const started = await Promise.all(
      Array.from({ length: servers + gutter }, () => startMemcached()),
    )
    const rows = { direct: 0, shared: 1, own: clients.length }[path]
    const proxies = await Promise.all(
      Array.from({ length: rows }, () =>
        Promise.all(started.map(({ address }) => startProxy(address))),
      ),
    )
    return new Stage(started, proxies)
  }

  /** Where the client finds each server. */
  addresses(client: number): readonly string[] {
    return (this.#row(client) ?? this.#servers).map(({ address }) => address)
  }

  /** Connections through proxies that clients have not ended. */
  get held(): number {
    return this.#proxies.flat().reduce((sum, proxy) => sum + proxy.held, 0)
  }

  /** Begins a fault now, and resolves when it has begun. */
  async begin(fault: Fault): Promise<void> {
    this.counts[fault.kind] = (this.counts[fault.kind] ?? 0) + 1
    const end = await this.#inflict(fault)
    if (end === undefined) return
    const start = performance.now()
    const timer = setTimeout(() => void finish(), fault.lasts)
    const finish = async (): Promise<void> => {
      clearTimeout(timer)
      if (!this.#ends.delete(finish)) return
      await end()
      if (['drip', 'bandwidth'].includes(fault.kind)) {
        this.slow.push({ start, end: performance.now() })
      }
    }
    this.#ends.add(finish)
  }

  /** Ends every fault. */
  async heal(): Promise<void> {
    await Promise.all([...this.#ends].map((finish) => finish()))
    for (const proxy of this.#proxies.flat()) proxy.heal()
    await Promise.all(this.#turns)
  }

  async stop(): Promise<void> {
    await this.heal()
    await Promise.all(this.#proxies.flat().map((proxy) => proxy.stop()))
    await Promise.all(this.#servers.map((server) => server.stop()))
  }

  #row(client: number): readonly FaultProxy[] | undefined {
    return this.#proxies[client % Math.max(1, this.#proxies.length)]
  }

  /** @returns what ends the fault; `undefined` if it has no length. */
  async #inflict(fault: Fault): Promise<(() => Promise<void>) | undefined> {
    if (fault.kind === 'kill') return this.#kill(fault.server)
    if (fault.kind === 'freeze') return this.#freeze(fault.server)
    const proxy = this.#row(fault.client)?.[fault.server]
    const end = proxy && spoil(proxy, fault)
    return end && (async () => end())
  }

  async #kill(at: number): Promise<() => Promise<void>> {
    const server = this.#servers[at] as MemcachedServer
    await this.#change(at, async () => {
      const start = performance.now()
      await server.kill()
      this.kills.push({ server: at, start, end: performance.now() })
    })
    return () =>
      this.#change(at, async () => {
        if (server.pid === undefined) await server.restart()
      })
  }

  async #freeze(at: number): Promise<() => Promise<void>> {
    const server = this.#servers[at] as MemcachedServer
    await this.#change(at, () => attempt(() => server.pause()))
    return () => this.#change(at, () => attempt(() => server.resume()))
  }

  #change(at: number, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns[at] as Promise<void>).then(work)
    this.#turns[at] = turn
    return turn
  }
}

const spoil = (proxy: FaultProxy, { kind, amount }: Fault): (() => void) | undefined => {
  switch (kind) {
    case 'delay':
      proxy.delay(amount)
      return () => proxy.delay(0)
    case 'stall':
      proxy.stall()
      return () => proxy.resume()
    case 'stallAnswers':
      proxy.stall('toClient')
      return () => proxy.resume('toClient')
    case 'stallRequests':
      proxy.stall('toServer')
      return () => proxy.resume('toServer')
    case 'reset':
    case 'end':
      proxy.cut(kind)
      return undefined
    case 'halfClose':
      proxy.halfClose(amount % 2 === 0 ? 'toClient' : 'toServer')
      return undefined
    case 'cutRequests':
      proxy.set('toServer', { cutAfter: amount })
      return () => proxy.set('toServer', { cutAfter: undefined })
    case 'cutAnswers':
      proxy.set('toClient', { cutAfter: amount })
      return () => proxy.set('toClient', { cutAfter: undefined })
    case 'drip':
      proxy.set('toClient', { pieces: 1, rate: 1 })
      return () => proxy.set('toClient', { pieces: 0, rate: 0 })
    case 'bandwidth':
      proxy.set('toClient', { rate: amount })
      proxy.set('toServer', { rate: amount })
      return () => {
        proxy.set('toClient', { rate: 0 })
        proxy.set('toServer', { rate: 0 })
      }
    case 'blackHole':
      proxy.stall()
      // What it swallowed does not come out again.
      return () => {
        proxy.cut()
        proxy.resume()
      }
    case 'refuse':
      proxy.refuse(true)
      proxy.cut()
      return () => proxy.refuse(false)
  }
  return undefined
}
