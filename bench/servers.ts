import { startGearmand } from '../test/support/gearmand.js'
import { startMemcached } from '../test/support/memcached.js'
import { run, startProcess } from '../test/support/process.js'
import type { RunningServer } from '../test/support/server.js'
import type { Row } from './rows.js'

/** What one round of one row needs, and how it ends. */
export interface Stage extends AsyncDisposable {
  readonly servers: readonly string[]
}

/** Servers that live as long as the benchmark: memcached in numbers. */
export async function startCaches(count: number): Promise<RunningServer[]> {
  const args = ['-t', '2', '-m', '1024', '-I', '2m']
  return Promise.all(Array.from({ length: count }, () => startMemcached({ args })))
}

/** A gearmand and a worker of their own for one measurement: queues of another leave no trace. */
export async function startJobs({ scenario }: Row, subject: string): Promise<Stage> {
  const server = await startGearmand()
  if (scenario.operation === 'doBackground') {
    return { servers: [server.address], [Symbol.asyncDispose]: () => server.stop() }
  }
  const answering = subject === 'raw' || subject === 'glammp-gearman' ? subject : 'abraxas'
  const args = ['--import', 'tsx', 'bench/worker.ts', answering, server.address, '16']
  const worker = startProcess(process.execPath, args, { timeout: 600_000 })
  await worker.waitForOutput(/ready/)
  return {
    servers: [server.address],
    [Symbol.asyncDispose]: async () => {
      await worker.kill('SIGKILL')
      await server.stop()
    },
  }
}

/** Versions of what was measured against. */
export async function versions(): Promise<Record<string, string>> {
  const memcached = await run('memcached', ['-V'])
  const gearmand = await run('gearmand', ['-V'])
  return { memcached: memcached.stdout.trim(), gearmand: gearmand.stdout.trim() }
}
