import { EventEmitter } from 'node:events'
import { Arithmetic, type CountOptions } from '../commands/arithmetic.js'
import { Deletion } from '../commands/deletion.js'
import { Inspection, type ItemMetadata } from '../commands/inspection.js'
import { Retrieval } from '../commands/retrieval.js'
import { type CasResult, type Entries, Storage, type StoreOptions } from '../commands/storage.js'
import type { CommandContext } from '../dispatch/context.js'
import type { CallOptions } from '../dispatch/route.js'
import type { Key } from '../key.js'
import type { Ttl } from '../keys/ttl.js'
import type { MemcacheEvents } from '../observing/events.js'
import type { ValueWithCas } from '../requests/retrieval.js'

/**
 * The commands of one or many items: each goes to the server of its key. A ttl is whole seconds
 * from now, 0 for ever, or a Date.
 *
 * They reject before anything is sent with InvalidKeyError, with ValueTooLargeError, with TypeError
 * for what cannot be stored (`undefined`, functions), for an option of a name or type that there is
 * none of, and for text or bytes as a list of keys, with RangeError for a ttl or a number that
 * cannot be, with QueueFullError, NoServerError and ClosedError; later with ConnectionError,
 * TimeoutError, AuthenticationError, ServerError, ClientError or ProtocolError; those that read
 * also with DecodeError, where the item holds what this client cannot decode.
 */
export abstract class ItemCommands extends EventEmitter<MemcacheEvents> {
  readonly #retrieval: Retrieval
  readonly #storage: Storage
  readonly #deletion: Deletion
  readonly #arithmetic: Arithmetic
  readonly #inspection: Inspection

  constructor(context: CommandContext) {
    super()
    this.#retrieval = new Retrieval(context)
    this.#storage = new Storage(context)
    this.#deletion = new Deletion(context)
    this.#arithmetic = new Arithmetic(context, this.#storage)
    this.#inspection = new Inspection(context)
  }

  /** Reads a value; `undefined` on a miss. */
  get<T = unknown>(key: Key, options?: CallOptions): Promise<T | undefined> {
    return this.#retrieval.get(key, options) as Promise<T | undefined>
  }

  /**
   * Reads any number of keys, in one round trip a server. Misses are absent from the Map; the
   * order is that of the keys. Where a server fails, all of the call rejects, and `keys` of the
   * error names those of the servers that failed. The Map has the very keys of the call: bytes are
   * found by the same Buffer.
   */
  getMany<T = unknown>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>>
  getMany<T = unknown, K extends Key = Key>(
    keys: Iterable<K>,
    options?: CallOptions,
  ): Promise<Map<K, T>>
  getMany<T>(keys: Iterable<Key>, options?: CallOptions): Promise<Map<Key, T>> {
    return this.#retrieval.getMany(keys, options) as Promise<Map<Key, T>>
  }

  /** Reads a value with the token for {@link cas}; `undefined` on a miss. */
  gets<T = unknown>(key: Key, options?: CallOptions): Promise<ValueWithCas<T> | undefined> {
    return this.#retrieval.gets(key, options) as Promise<ValueWithCas<T> | undefined>
  }

  /** As {@link getMany}, with the token for {@link cas} beside each value. */
  getsMany<T = unknown>(
    keys: Iterable<string>,
    options?: CallOptions,
  ): Promise<Map<string, ValueWithCas<T>>>
  getsMany<T = unknown, K extends Key = Key>(
    keys: Iterable<K>,
    options?: CallOptions,
  ): Promise<Map<K, ValueWithCas<T>>>
  getsMany<T>(keys: Iterable<Key>, options?: CallOptions): Promise<Map<Key, ValueWithCas<T>>> {
    return this.#retrieval.getsMany(keys, options) as Promise<Map<Key, ValueWithCas<T>>>
  }

  /** Reads a value and lets the item live `ttl` more; `undefined` on a miss. */
  getAndTouch<T = unknown>(key: Key, ttl: Ttl, options?: CallOptions): Promise<T | undefined> {
    return this.#retrieval.getAndTouch(key, ttl, options) as Promise<T | undefined>
  }

  /**
   * Stores a value, whether the key exists or not; resolves to `true`.
   *
   * @param options - seconds to live (0, the default, is for ever), the Date on which the item
   * ends, or `{ ttl, timeout, signal }`.
   */
  set(key: Key, value: unknown, options?: Ttl | StoreOptions): Promise<boolean> {
    return this.#storage.store('set', key, value, options)
  }

  /**
   * Stores any number of values, in one round trip a server.
   *
   * @param entries - a Map, an object, or pairs of key and value.
   * @returns how many were stored. Where a server fails the call rejects, and `keys` of the error
   * names those that did not make it, or of which nothing is known; the others are stored.
   */
  setMany(entries: Entries, options?: Ttl | StoreOptions): Promise<number> {
    return this.#storage.setMany(entries, options)
  }

  /** Stores a value unless the key exists; `false` if it does. */
  add(key: Key, value: unknown, options?: Ttl | StoreOptions): Promise<boolean> {
    return this.#storage.store('add', key, value, options)
  }

  /** Stores a value if the key exists; `false` if it does not. */
  replace(key: Key, value: unknown, options?: Ttl | StoreOptions): Promise<boolean> {
    return this.#storage.store('replace', key, value, options)
  }

  /**
   * Adds text or bytes behind those of an item, whose ttl stays; `false` if there is no item, or
   * if the result would be over the server's item size. A TypeError where `compression` or
   * `largeValues` is on, for it would destroy such an item.
   */
  append(key: Key, value: string | Uint8Array, options?: CallOptions): Promise<boolean> {
    return this.#storage.extend('append', key, value, options)
  }

  /** Adds text or bytes before those of an item; otherwise as {@link append}. */
  prepend(key: Key, value: string | Uint8Array, options?: CallOptions): Promise<boolean> {
    return this.#storage.extend('prepend', key, value, options)
  }

  /**
   * Stores a value if nobody changed the item since {@link gets} read it: `'stored'`, else
   * `'exists'`, or `'missing'` if the item is gone. A token that is no string of digits is a
   * TypeError, one over 64 bits a RangeError.
   */
  cas(key: Key, value: unknown, cas: string, options?: Ttl | StoreOptions): Promise<CasResult> {
    return this.#storage.cas(key, value, cas, options)
  }

  /** Deletes an item; `true` if it was there. */
  delete(key: Key, options?: CallOptions): Promise<boolean> {
    return this.#deletion.delete(key, options)
  }

  /**
   * Deletes any number of items, in one round trip a server; resolves to how many were there.
   * Rejects as {@link setMany} does.
   */
  deleteMany(keys: Iterable<Key>, options?: CallOptions): Promise<number> {
    return this.#deletion.deleteMany(keys, options)
  }

  /** Lets an item live `ttl` from now; `true` if it was there. */
  touch(key: Key, ttl: Ttl, options?: CallOptions): Promise<boolean> {
    return this.#retrieval.touch(key, ttl, options)
  }

  /**
   * Adds to a counter, modulo 2^64. Resolves to the new number, a bigint if `delta` is one, or
   * `undefined` where there is no counter and no `initial`. A number past 2^53 - 1 is a RangeError
   * (the counter has moved all the same), a value that is no number a ClientError.
   */
  increment(key: Key, delta: bigint, options?: CountOptions): Promise<bigint | undefined>
  increment(key: Key, delta?: number, options?: CountOptions): Promise<number | undefined>
  increment(
    key: Key,
    delta: number | bigint = 1,
    options?: CountOptions,
  ): Promise<number | bigint | undefined> {
    return this.#arithmetic.count('increment', key, delta, options)
  }

  /** Subtracts from a counter, which stops at 0; otherwise as {@link increment}. */
  decrement(key: Key, delta: bigint, options?: CountOptions): Promise<bigint | undefined>
  decrement(key: Key, delta?: number, options?: CountOptions): Promise<number | undefined>
  decrement(
    key: Key,
    delta: number | bigint = 1,
    options?: CountOptions,
  ): Promise<number | bigint | undefined> {
    return this.#arithmetic.count('decrement', key, delta, options)
  }

  /**
   * What the server knows of an item beside its value; `undefined` on a miss. Looking does not
   * count as a use of the item. Needs the meta protocol; a ClientError elsewhere.
   */
  inspect(key: Key, options?: CallOptions): Promise<ItemMetadata | undefined> {
    return this.#inspection.inspect(key, options)
  }
}
