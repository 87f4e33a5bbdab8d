import { ValueTooLargeError } from '../errors.js'
import { type Key, keyText } from '../given-key.js'
import type { Server } from '../servers/server.js'
import type { Envelope, Notes, WrappedItem } from '../values/envelope.js'
import type { Encoded } from '../values/serializer.js'
import type { CommandContext } from './context.js'

/** How `wrap` looks for keys. */
export interface Ask {
  /** Seconds that a winner may take. */
  readonly lease: number
  /** Seconds before its end at which an item should be computed anew; 0: never. */
  readonly refreshAhead: number
  /** Seconds that an item lives on past its own end. */
  readonly stale: number
  /** Milliseconds for each command. */
  readonly timeout: number
  /** Fingerprint that a value must carry to be valid. */
  readonly fingerprint: Promise<string>
  /** True for all but the first look: somebody else was computing the last time. */
  readonly again: boolean
}

/** What a look at one key found. */
export interface Look {
  /** The item, if it may be served. */
  readonly item: WrappedItem | undefined
  /** The right and duty to compute the value anew. */
  readonly lease: Lease | undefined
  /**
   * With an item: `fresh`, or `due` to be computed anew because of its age, or `invalidated`.
   * Without an item always `missing`.
   */
  readonly state: 'fresh' | 'due' | 'invalidated' | 'missing'
}

/** How long a value lives. */
export interface Life {
  /** As memcached takes it, with the time that it may be served stale. */
  readonly exptime: number
  /** Unix time in seconds of its own end; 0: never. */
  readonly expiry: number
}

/** What leases work with. */
export interface LeaseContext extends CommandContext {
  readonly envelope: Envelope
}

/** A key with the form in which it travels. */
export interface WireKey {
  readonly key: Key
  readonly wireKey: string
}

/** What a lease is about. */
export interface LeaseScope extends WireKey {
  readonly server: Server
  readonly fingerprint: string
  /** Milliseconds for each command. */
  readonly timeout: number
}

/**
 * Won by one caller of all processes: it computes the value, then calls exactly one of the three.
 * Whatever happened to the key meanwhile is not undone by them.
 */
export abstract class Lease {
  protected readonly context: LeaseContext
  protected readonly scope: LeaseScope

  constructor(context: LeaseContext, scope: LeaseScope) {
    this.context = context
    this.scope = scope
  }

  /** Stores the value; `false` where the key was changed or invalidated meanwhile. */
  async fill(value: unknown, life: Life): Promise<boolean> {
    const { key, fingerprint, timeout } = this.scope
    const call = { timeout }
    const { chunks, envelope, maxValueSize } = this.context
    const fit =
      chunks &&
      ((whole: Encoded) => chunks.fit(whole, life.exptime, { command: 'wrap', key }, call))
    const encoded = await envelope.seal(value, this.notes(life, fingerprint), fit)
    const { length } = encoded.data
    if (length > maxValueSize) {
      const message = `wrap ${keyText(key)}: the value has ${length} bytes, maxValueSize is ${maxValueSize}`
      throw new ValueTooLargeError(message, { command: 'wrap', key })
    }
    return this.store(encoded, life.exptime)
  }

  /** Lets the next caller compute; an old value stays. */
  abstract release(): Promise<void>

  /** There is no value: an old one goes. */
  abstract discard(): Promise<void>

  protected abstract notes(life: Life, fingerprint: string): Notes
  protected abstract store(encoded: Encoded, exptime: number): Promise<boolean>
}

/** One way of having a single caller compute. */
export interface LeaseProtocol {
  /** Looks at keys of one server in one round trip, or two where it takes part in computing. */
  look(
    server: Server,
    keys: readonly WireKey[],
    ask: Ask,
  ): Promise<readonly PromiseSettledResult<Look>[]>
}
