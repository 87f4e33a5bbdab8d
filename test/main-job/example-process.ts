import type { ProcessResult, RunningProcess } from '../support/process.js'
import { startProgram } from '../support/program.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

/** For the database files of examples that are killed; it goes away with this process. */
const { path: temporary } = await temporaryDirectory()

export interface Addresses {
  readonly memcached?: readonly string[]
  readonly gearmand?: readonly string[]
}

/** Starts a program of `examples/`, pointed at the given servers alone. */
export const startExample = (
  name: string,
  { memcached = [], gearmand = [] }: Addresses,
  ...args: readonly string[]
): Promise<RunningProcess> =>
  startProgram(`examples/${name}.ts`, args, {
    // A port of nobody rather than nothing: the example must not find a server of this machine.
    env: {
      MEMCACHED_SERVERS: memcached.join() || '127.0.0.1:1',
      GEARMAN_SERVERS: gearmand.join() || '127.0.0.1:1',
      TMPDIR: temporary,
    },
    timeout: 25_000,
    // As its reader starts it: the demo does so with all others.
    tsx: name === 'observing/opentelemetry',
  })

export const runExample = async (
  name: string,
  addresses: Addresses,
  ...args: readonly string[]
): Promise<ProcessResult> => (await startExample(name, addresses, ...args)).ended
