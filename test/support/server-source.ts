import { findProgram } from '../../scripts/programs.mjs'
import type { ServerKind } from './server.js'

/** Given by the user's addresses, started as child processes, or started in containers. */
export type ServerSource = 'given' | 'programs' | 'containers'

const VARIABLES = { memcached: 'MEMCACHED_SERVERS', gearmand: 'GEARMAN_SERVERS' } as const

/**
 * Where servers of this kind come from: `GLAMMP_TEST_SERVERS=containers` says it; else the
 * addresses the user gave, else the programs of this machine, else containers.
 */
export const serverSource = (name: ServerKind['name']): ServerSource => {
  const wish = process.env['GLAMMP_TEST_SERVERS']
  if (wish === 'containers') return 'containers'
  if (wish !== undefined && wish !== '') {
    throw new Error(`GLAMMP_TEST_SERVERS may be 'containers' or unset, not '${wish}'`)
  }
  if ((process.env[VARIABLES[name]] ?? '').trim() !== '') return 'given'
  return findProgram(name) === undefined ? 'containers' : 'programs'
}

/**
 * Whether tests may choose flags, kill, pause and restart. Not so with servers of the user:
 * `describe.skipIf(!serversAreControllable)`.
 */
export const serversAreControllable: boolean =
  serverSource('memcached') !== 'given' && serverSource('gearmand') !== 'given'

/** Whether servers are child processes, where a test needs the program itself (its `pid`, say). */
export const serversAreProcesses: boolean =
  serverSource('memcached') === 'programs' && serverSource('gearmand') === 'programs'
