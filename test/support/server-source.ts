import { findEngine } from '../../scripts/engine.mjs'
import { findServer } from '../../scripts/programs.mjs'
import type { ServerKind, ServerSource } from './server.js'

const VARIABLES = { memcached: 'MEMCACHED_SERVERS', gearmand: 'GEARMAN_SERVERS' } as const

type Fallback = 'containers' | 'embedded'

let found: Fallback | undefined

/** Containers where there is an engine, asked once: that may start a program. */
const withEngine = (): Fallback => {
  found ??= findEngine() === undefined ? 'embedded' : 'containers'
  return found
}

const isWish = (wish: string): wish is Fallback => wish === 'containers' || wish === 'embedded'

/**
 * Where servers of this kind come from: `GLAMMP_TEST_SERVERS` says it, `containers` or `embedded`;
 * else the addresses the user gave, else the programs of this machine, else what `fallback` says.
 */
export const serverSource = (
  name: ServerKind['name'],
  fallback: () => Fallback = withEngine,
): ServerSource => {
  const wish = process.env['GLAMMP_TEST_SERVERS'] ?? ''
  if (isWish(wish)) return wish
  if (wish !== '') {
    throw new Error(`GLAMMP_TEST_SERVERS may be 'containers', 'embedded' or unset, not '${wish}'`)
  }
  if ((process.env[VARIABLES[name]] ?? '').trim() !== '') return 'given'
  if (findServer(name) !== undefined) return 'programs'
  return fallback()
}

const sources = [serverSource('memcached'), serverSource('gearmand')]

/** Whether tests may start, kill, pause and restart. Not so with servers of the user. */
export const serversAreControllable: boolean = !sources.includes('given')

/** Whether one of them is inside this process. */
export const serversAreEmbedded: boolean = sources.includes('embedded')

/** Whether they take any flag of the real programs, and have all that those have. */
export const serversAreReal: boolean = serversAreControllable && !sources.includes('embedded')

/** Whether memcached has its binary protocol: not in this process. */
export const hasBinary: boolean = sources[0] !== 'embedded'

/** Those of these protocols that memcached has here. */
export const spoken = <const Protocol extends string>(
  protocols: readonly Protocol[],
): readonly Protocol[] => protocols.filter((protocol) => hasBinary || protocol !== 'binary')

/** Whether they share the machine with the test: its unix sockets, and all its addresses. */
export const serversAreLocal: boolean = sources.every(
  (source) => source === 'programs' || source === 'embedded',
)

/** Whether servers are child processes, where a test needs the program itself (its `pid`, say). */
export const serversAreProcesses: boolean = sources.every((source) => source === 'programs')
