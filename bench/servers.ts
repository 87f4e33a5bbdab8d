import { startGearmand } from '../test/support/gearmand.js'
import { startMemcached } from '../test/support/memcached.js'
import { run, startProcess } from '../test/support/process.js'
import type { RunningServer } from '../test/support/server.js'

/** Servers for one contestant, and how they end. */
export interface Stage extends AsyncDisposable {
  readonly servers: readonly string[]
}

/** memcached in numbers: large ones as they are measured, or many small ones. */
export async function startCaches(count: number, large = true): Promise<RunningServer[]> {
  const args = large ? ['-t', '2', '-m', '2048', '-I', '2m'] : []
  const servers: RunningServer[] = []
  // A few at a time: a hundred processes that start at once overrun their time.
  while (servers.length < count) {
    const some = Math.min(10, count - servers.length)
    const started = Array.from({ length: some }, () => startMemcached({ args }))
    servers.push(...(await Promise.all(started)))
  }
  return servers
}

export interface JobStage {
  /** Whose worker answers: that of a subject of ours, `raw` or `abraxas`; `undefined` where nobody shall. */
  readonly worker: string | undefined
  /** How gearmand is started. */
  readonly gearmand: readonly string[]
  readonly checkout?: string | undefined
}

/** A gearmand and a worker for one contestant alone: the queues of another leave no trace. */
export async function startJobs({ worker, gearmand, checkout }: JobStage): Promise<Stage> {
  const server = await startGearmand({ args: gearmand })
  if (worker === undefined) {
    return { servers: [server.address], [Symbol.asyncDispose]: () => server.stop() }
  }
  const args = ['--import', 'tsx', 'bench/worker.ts', worker, server.address, '16']
  if (checkout !== undefined) args.push(checkout)
  const running = startProcess(process.execPath, args, { timeout: 1_200_000 })
  try {
    await running.waitForOutput(/ready/, 30_000)
  } catch (error) {
    await running.kill('SIGKILL')
    await server.stop()
    throw error
  }
  return {
    servers: [server.address],
    [Symbol.asyncDispose]: async () => {
      await running.kill('SIGKILL')
      await server.stop()
    },
  }
}

/** Versions of what is measured against. */
export async function versions(): Promise<string[]> {
  const memcached = await run('memcached', ['-V'])
  const gearmand = await run('gearmand', ['-V'])
  return [memcached.stdout.trim(), gearmand.stdout.trim().split(' - ')[0] as string]
}
