import { join } from 'node:path'
import { type GearmandServer, startGearmand } from '../../../support/gearmand.js'
import { type FaultProxy, startProxy } from '../../../support/proxy.js'
import type { TemporaryDirectory } from '../../../support/temporary-directory.js'
import { BusyTimes } from '../../busy-times.js'
import type { Place, Trouble } from '../history.js'
import type { NodePlan, Program, ServerAction } from '../program/program.js'
import { Canary } from './canary.js'
import { clock } from './handler.js'

/** The servers and proxies of a program, and the troubles that they had. */
export class Stage {
  readonly program: Program
  readonly servers: readonly GearmandServer[]
  readonly proxies: readonly FaultProxy[]
  readonly troubles: Trouble[] = []
  /** The server behind each address. */
  readonly names: Map<string, number> = new Map()
  readonly #canaries: readonly Canary[]
  readonly #busyTimes = new BusyTimes()
  readonly #start: number
  /** Kills and freezes of one server happen one after the other. */
  readonly #busy: Promise<void>[]

  static async start(program: Program, { path }: TemporaryDirectory): Promise<Stage> {
    const servers = await Promise.all(
      program.servers.map(({ persistent }, index) => {
        const file = join(path, `${index}.db`)
        return startGearmand({
          args: persistent ? ['-q', 'libsqlite3', '--libsqlite3-db', file] : [],
        })
      }),
    )
    const proxies = await Promise.all(
      program.proxies.map(({ server }) => startProxy(servers[server]?.address ?? '')),
    )
    return new Stage(program, servers, proxies)
  }

  private constructor(
    program: Program,
    servers: readonly GearmandServer[],
    proxies: readonly FaultProxy[],
  ) {
    this.program = program
    this.servers = servers
    this.proxies = proxies
    for (const [index, { address }] of servers.entries()) this.names.set(address, index)
    for (const [index, { address }] of proxies.entries()) {
      this.names.set(address, program.proxies[index]?.server ?? 0)
    }
    this.#start = clock()
    this.#busy = servers.map(() => Promise.resolve())
    this.#canaries = servers.map(({ port }, server) => {
      return new Canary(port, (from, until) => {
        const where: Place = { kind: 'server', server, killed: false }
        const times = { from: this.since(from), until: this.since(until) }
        this.troubles.push({ what: 'slow machine', where, ...times })
      })
    })
  }

  /** Milliseconds since the start of the program. */
  now(): number {
    return clock() - this.#start
  }

  since(at: number): number {
    return at - this.#start
  }

  /** Milliseconds of this time in which the process was busy, or had no processor. */
  busy(from: number, until: number): number {
    // Both clocks of this process tick alike.
    const shift = performance.now() - this.now()
    return this.#busyTimes.between(from + shift, until + shift)
  }

  /** Notes that something begins to go wrong. */
  trouble(what: string, where: Place): Trouble {
    const trouble: Trouble = { what, where, from: this.now(), until: Number.POSITIVE_INFINITY }
    this.troubles.push(trouble)
    return trouble
  }

  over(trouble: Trouble): void {
    trouble.until = this.now()
  }

  /** How a client or worker reaches the servers. */
  addresses({ ways }: NodePlan): string[] {
    return ways.flatMap((way, server) => {
      if (way === 'none') return []
      const { address } = (way === 'direct' ? this.servers[server] : this.proxies[way]) ?? {}
      return address === undefined ? [] : [address]
    })
  }

  /** Kills or freezes a server for a while. */
  strike({ kind, server, lasts }: ServerAction, wait: (time: number) => Promise<void>): void {
    const gearmand = this.servers[server]
    if (gearmand === undefined) return
    const then = async (): Promise<void> => {
      const trouble = this.trouble(kind, { kind: 'server', server, killed: kind === 'kill' })
      if (kind === 'kill') {
        await gearmand.kill()
        await wait(lasts)
        await gearmand.restart()
      } else {
        await gearmand.pause()
        await wait(lasts)
        await gearmand.resume()
      }
      this.over(trouble)
    }
    this.#busy[server] = (this.#busy[server] ?? Promise.resolve()).then(then)
  }

  /** Resolves when all servers run. */
  async calm(): Promise<void> {
    await Promise.all(this.#busy)
  }

  async stop(): Promise<void> {
    this.#busyTimes.stop()
    for (const canary of this.#canaries) canary.stop()
    await Promise.allSettled(this.#busy)
    await Promise.all(this.proxies.map((proxy) => proxy.stop()))
    await Promise.all(this.servers.map((server) => server.stop()))
  }
}
