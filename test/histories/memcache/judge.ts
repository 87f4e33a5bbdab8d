import { MemcacheError } from '@glammp/memcache'
import { linearize } from '../linearize.js'
import { KeyHistory, stateName } from './actions.js'
import { explain } from './explain.js'
import { type Program, tagsOf } from './program.js'
import type { Call } from './record.js'
import type { Kill } from './stage.js'
import { limitOf } from './time-limits.js'
import { nameOf } from './values.js'

/** From one moment to another. */
interface Span {
  readonly start: number
  readonly end: number
}

/** A program and what was seen of it. */
export interface History {
  readonly program: Program
  readonly calls: readonly Call[]
  readonly kills: readonly Kill[]
  /** When the bytes of some line moved one by one, or slowly. */
  readonly slow: readonly Span[]
  /** When each client was closed. */
  readonly closed: readonly number[]
  /** The position of the server that a key lives on. */
  readonly homeOf: (key: string) => number
  /** Milliseconds in which this process did nothing else, between two moments. */
  readonly busy: (start: number, end: number) => number
}

export interface Verdicts {
  readonly violations: readonly string[]
  /** Keys whose orders were too many to try. */
  readonly undecided: number
}

/** Judges everything that can be judged of what the calls saw. */
export const judge = (history: History): Verdicts => {
  const { calls } = history
  const keys = [...new Set(calls.flatMap((call) => call.keys))].sort()
  const orders = isStrong(history.program) ? keys.map((key) => judgeOrder(key, history)) : []
  const violations = [
    ...calls.flatMap((call) => judgeEnd(call, history)),
    ...keys.flatMap((key) => judgeOrigin(key, calls)),
    ...(isStrong(history.program) ? judgeTags(calls) : []),
    ...orders.flatMap(({ violations }) => violations),
  ]
  return { violations, undecided: orders.filter(({ undecided }) => undecided).length }
}

/** Without a stand-in for a server, each key is one item. */
const isStrong = ({ clients, gutter }: Program): boolean =>
  gutter === 0 && clients.every(({ options: { failover = 'none' } }) => failover === 'none')

const LOSING = new Set([
  'reset',
  'end',
  'halfClose',
  'cutRequests',
  'cutAnswers',
  'blackHole',
  'refuse',
  'kill',
])

const judgeOrder = (
  key: string,
  history: History,
): { violations: string[]; undecided: boolean } => {
  const { program, calls, kills, homeOf } = history
  const keyHistory = new KeyHistory(key, calls, {
    home: homeOf(key),
    kills,
    losesNothing: !program.faults.some(({ kind }) => LOSING.has(kind)),
    inPieces: program.clients.some(({ options }) => options.largeValues !== undefined),
    marks: (client) => {
      const { protocol = 'auto' } = program.clients[client]?.options ?? {}
      return protocol === 'meta' ? 'marks' : protocol === 'auto' ? 'either' : 'deletes'
    },
  })
  const { actions } = keyHistory
  const { verdict, longest } = linearize(actions, undefined, stateName)
  const violations =
    verdict === 'impossible' ? [`${key}: no order fits\n${explain(actions, longest)}`] : []
  return { violations, undecided: verdict === 'undecided' }
}

const EXPECTED = new Set(['ERR_MEMCACHE_CONNECTION', 'ERR_MEMCACHE_TIMEOUT', 'ERR_MEMCACHE_CLOSED'])

/** Every call ends in time, with a value or with one of our errors. */
const judgeEnd = (call: Call, history: History): string[] => {
  const { outcome, start, end } = call
  const what = describeCall(call)
  if (outcome === undefined) return [`${what} did not end`]
  const found: string[] = []
  const limit = limitOf(call, history)
  const took = end - start
  if (took > limit + history.busy(start, end)) {
    found.push(`${what} took ${took.toFixed(0)} ms, it may take ${limit.toFixed(0)}`)
  }
  if (outcome.kind === 'failed') found.push(...judgeError(outcome.error, call, what, history))
  else if (call.op === 'setMany' && outcome.value !== call.keys.length) {
    found.push(`${what} stored ${outcome.value} of ${call.keys.length}`)
  } else if (call.op === 'wrap' && outcome.value === undefined) {
    found.push(`${what} gave undefined`)
  }
  return found
}

const judgeError = (error: unknown, call: Call, what: string, history: History): string[] => {
  if (error instanceof DOMException && error.name === 'TimeoutError') return []
  if (!(error instanceof MemcacheError)) return [`${what} failed with ${error}`]
  const { code, server, message } = error
  if (!EXPECTED.has(code)) return [`${what} failed with ${code} ${message}`]
  if (code === 'ERR_MEMCACHE_CLOSED') {
    const closed = history.closed[call.client] ?? Infinity
    return call.end >= closed ? [] : [`${what}: closed before it was`]
  }
  if (server === undefined) return [`${what}: ${code} names no server`]
  const named = error.key ?? error.keys?.[0]
  return named === undefined ? [`${what}: ${code} names no key`] : []
}

const describeCall = ({ client, caller, op, keys, start, end }: Call): string =>
  `client ${client}.${caller} ${op} ${keys.join(' ')} (${start.toFixed(1)}..${end.toFixed(1)})`

/** What was written under the key by a call that began before the read ended. */
const judgeOrigin = (key: string, calls: readonly Call[]): string[] => {
  const written = new Map<string, number>()
  for (const call of calls) {
    const name = call.names[call.keys.indexOf(key)]
    if (name !== undefined) written.set(name, call.start)
    for (const load of call.loads) if (load.key === key) written.set(load.name, load.start)
  }
  const isCounted = calls.some(({ op, keys }) => op === 'increment' && keys.includes(key))
  return calls.flatMap((call) => {
    const name = readName(key, call)
    if (name === undefined) return []
    if (isCounted || key.startsWith('number')) {
      return /^\d+$/.test(name) ? [] : [`${describeCall(call)} read ${name}`]
    }
    const parts = name.endsWith(';') ? name.split(/(?<=;)/) : [name]
    const foreign = parts.filter((part) => !((written.get(part) ?? Infinity) <= call.end))
    return foreign.length === 0
      ? []
      : [`${describeCall(call)} read ${name}, which nobody wrote under ${key} before`]
  })
}

/** The name of what a call read under the key; undefined for a miss, or if it read nothing. */
const readName = (key: string, { op, keys, outcome }: Call): string | undefined => {
  if (outcome?.kind !== 'returned' || !keys.includes(key)) return undefined
  const { value } = outcome
  switch (op) {
    case 'get':
    case 'getAndTouch':
    case 'wrap':
      return nameOf(value)
    case 'gets':
      return nameOf((value as { value: unknown } | undefined)?.value)
    case 'getMany':
    case 'wrapMany':
      return nameOf((value as ReadonlyMap<string, unknown>).get(key))
    default:
      return undefined
  }
}

/** After a tag was invalidated `wrap` gives nothing that was loaded before. */
const judgeTags = (calls: readonly Call[]): string[] => {
  const invalidated = calls.filter(
    ({ op, outcome }) => op === 'invalidateTag' && outcome?.kind === 'returned',
  )
  if (invalidated.length === 0) return []
  const loads = new Map(
    calls.flatMap((call) => call.loads.map((load) => [load.name, { load, call }] as const)),
  )
  return calls.flatMap((call) => {
    if (call.op !== 'wrap' && call.op !== 'wrapMany') return []
    return call.keys.flatMap((key) => {
      const found = loads.get(readName(key, call) ?? '')
      if (found === undefined || tagsOf(key).length === 0) return []
      // Callers of one process share a load that is under way.
      const joined = found.call.client === call.client && found.call.end >= call.start
      const late = invalidated.find(
        ({ start, end }) => end < call.start && start > found.load.start,
      )
      if (joined || late === undefined) return []
      const when = found.load.start.toFixed(1)
      return [
        `${describeCall(call)} gave ${found.load.name}, loaded at ${when}, before ${describeCall(late)}`,
      ]
    })
  })
}
