import { fileURLToPath } from 'node:url'
import { type ProcessResult, type RunningProcess, startProcess } from '../support/process.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** For the database files of examples that are killed; it goes away with this process. */
const { path: temporary } = await temporaryDirectory()

export interface Addresses {
  readonly memcached?: readonly string[]
  readonly gearmand?: readonly string[]
}

/** Starts a program of `examples/` as its reader would, pointed at the given servers alone. */
export const startExample = (
  name: string,
  { memcached = [], gearmand = [] }: Addresses,
  ...args: readonly string[]
): RunningProcess =>
  startProcess(process.execPath, ['--import', 'tsx', `examples/${name}.ts`, ...args], {
    cwd: root,
    // A port of nobody rather than nothing: the example must not find a server of this machine.
    env: {
      MEMCACHED_SERVERS: memcached.join() || '127.0.0.1:1',
      GEARMAN_SERVERS: gearmand.join() || '127.0.0.1:1',
      TMPDIR: temporary,
    },
    timeout: 25_000,
  })

export const runExample = (
  name: string,
  addresses: Addresses,
  ...args: readonly string[]
): Promise<ProcessResult> => startExample(name, addresses, ...args).ended
