import type { MemcacheOptions } from '@glammp/memcache'

/** What a key is used for; its first letter. */
export type Family = 'text' | 'number' | 'big' | 'wrapped' | 'tagged'

/** One call, or what a caller does instead of one. */
export interface Step {
  readonly op: Op
  /** Of one family; one key but for the commands of many. */
  readonly keys: readonly string[]
  /** Milliseconds of rest before it. */
  readonly rest: number
  /** Bytes of what is stored, or milliseconds that a load of `wrap` takes, or what is counted. */
  readonly size: number
  /** Milliseconds after which a signal aborts it; 0 for never. */
  readonly abort: number
}

/** `swap` is `gets` and then `cas`. */
export type Op =
  | 'get'
  | 'gets'
  | 'getAndTouch'
  | 'set'
  | 'add'
  | 'replace'
  | 'append'
  | 'prepend'
  | 'swap'
  | 'delete'
  | 'touch'
  | 'increment'
  | 'decrement'
  | 'create'
  | 'getMany'
  | 'setMany'
  | 'deleteMany'
  | 'wrap'
  | 'wrapMany'
  | 'invalidate'
  | 'invalidateTag'

export interface ClientPlan {
  readonly options: MemcacheOptions
  /** What each of its callers does, one step after the other. */
  readonly callers: readonly (readonly Step[])[]
  /** Milliseconds after the start at which it is closed; 0 for when its callers are done. */
  readonly closed: number
}

/** What a proxy does in both directions, in one, or a server does. */
export type FaultKind =
  | 'delay'
  | 'stall'
  | 'stallAnswers'
  | 'stallRequests'
  | 'reset'
  | 'end'
  | 'halfClose'
  | 'cutRequests'
  | 'cutAnswers'
  | 'drip'
  | 'bandwidth'
  | 'blackHole'
  | 'refuse'
  | 'kill'
  | 'freeze'

export interface Fault {
  readonly kind: FaultKind
  readonly server: number
  /** Whose proxy, where each client has its own. */
  readonly client: number
  /** Milliseconds after the start, and how long it lasts. */
  readonly at: number
  readonly lasts: number
  /** Milliseconds of a delay, bytes of a cut or bytes a millisecond. */
  readonly amount: number
}

/** How clients reach the servers. */
export type Path = 'direct' | 'shared' | 'own'

export interface Program {
  readonly servers: number
  /** Servers of a gutter, after the others. */
  readonly gutter: number
  readonly path: Path
  readonly clients: readonly ClientPlan[]
  readonly faults: readonly Fault[]
  /** Faults end only after the clients are closed. */
  readonly closesInFaults: boolean
}

export const familyOf = (key: string): Family =>
  (['text', 'number', 'big', 'wrapped', 'tagged'] as const).find((family) =>
    key.startsWith(family),
  ) ?? 'text'

/** The tags of a key. */
export const tagsOf = (key: string): readonly string[] =>
  familyOf(key) === 'tagged' ? ['red', `of:${key}`] : []
