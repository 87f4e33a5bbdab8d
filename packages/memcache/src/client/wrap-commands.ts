import { tell } from '@glammp/wire'
import { CacheAside, type LoadMany } from '../cache-aside/cache-aside.js'
import type { NearOptions } from '../cache-aside/near-cache.js'
import { Tag } from '../cache-aside/tag.js'
import { checkTag, type WrapOptions } from '../cache-aside/wrap-options.js'
import type { CommandContext } from '../dispatch/context.js'
import { type CallOptions, checkCall, timeoutOf } from '../dispatch/route.js'
import type { Key } from '../key.js'
import { type InvalidateOptions, Invalidation } from '../leases/invalidation.js'
import { Leases } from '../leases/leases.js'
import { Tags } from '../leases/tags.js'
import { Envelope } from '../values/envelope.js'
import { ItemCommands } from './item-commands.js'

/** The tag that every call carries if `namespaceVersion` is on. */
const EVERYTHING = '*'

export interface WrapSettings {
  /**
   * Other programs read the same keys: no header before values, and no item that is marked stale.
   */
  readonly foreignReaders: boolean
  readonly near: NearOptions | undefined
  /** Every value depends on the version of the namespace. */
  readonly namespaceVersion: boolean
}

/** The commands that load what is missing. */
export abstract class WrapCommands extends ItemCommands {
  readonly #cacheAside: CacheAside
  readonly #invalidation: Invalidation
  readonly #tags: Tags
  readonly #namespaceVersion: boolean

  constructor(context: CommandContext, settings: WrapSettings) {
    super(context)
    const leases = new Leases({ ...context, envelope: new Envelope(context.transcoder) })
    const tags = new Tags(context)
    this.#tags = tags
    this.#invalidation = new Invalidation(context, settings.foreignReaders)
    this.#namespaceVersion = settings.namespaceVersion
    this.#cacheAside = new CacheAside(
      {
        checkOpen: () => context.fleet.checkOpen(),
        check: (keys, command) => leases.check(keys, command),
        look: (keys, ask, looked) => leases.look(keys, ask, looked),
        glance: (key, ask, glancer) => leases.glance(key, ask, glancer),
        print: (names, call) => tags.print(names, call),
        timeout: (call) => timeoutOf(context, call),
      },
      {
        near: settings.near,
        tags: settings.namespaceVersion ? [EVERYTHING] : [],
        foreignReaders: settings.foreignReaders,
        refreshFailed: (key, reason, delay) => tell(this, 'refresh:failed', { key, reason, delay }),
      },
    )
    context.changes.listener = this.#cacheAside
  }

  /**
   * The value of a key, or what `load` returns if there is none, which is then stored. Of all
   * callers of all processes one loads; the others get the old value if there is one that may
   * still be served (see `stale` and {@link invalidate}), else they wait. Callers of one process
   * share one call, with the options of the first. An error of `load` reaches all of them and is
   * not stored; nor are `undefined` and `null`, unless `negativeTtl` says for how long.
   *
   * @throws TypeError or RangeError for options that cannot be, InvalidKeyError; what `load` throws.
   */
  wrap<T>(key: Key, load: () => T | Promise<T>, options: WrapOptions = {}): Promise<T> {
    return this.#cacheAside.wrap(key, load, options) as Promise<T>
  }

  /**
   * As {@link wrap} for many keys: one round trip a server for those that are cached, one call of
   * `loadMany` for those that are not. It is called again only for keys whose winner elsewhere
   * gave up, and for those that are computed anew in the background.
   *
   * @param loadMany - gets the missing keys; gives a Map, from which keys without a value are
   * absent, or an array with one value a key in the order of the keys.
   * @returns the values in the order of the keys; keys for which there is nothing are absent.
   */
  wrapMany<T>(
    keys: Iterable<string>,
    loadMany: LoadMany<T>,
    options?: WrapOptions,
  ): Promise<Map<string, T>>
  wrapMany<T, K extends Key = Key>(
    keys: Iterable<K>,
    loadMany: LoadMany<T, K>,
    options?: WrapOptions,
  ): Promise<Map<K, T>>
  wrapMany<T, K extends Key>(
    keys: Iterable<K>,
    loadMany: LoadMany<T, K>,
    options: WrapOptions = {},
  ): Promise<Map<K, T>> {
    // It gets no other keys than those of the call.
    const load = loadMany as unknown as LoadMany<unknown, Key>
    return this.#cacheAside.wrapMany(keys, load, options) as Promise<Map<K, T>>
  }

  /**
   * Marks an item stale: the next {@link wrap} of it loads, others get the old value meanwhile,
   * for `stale` seconds at most. A value that is being loaded now will not be stored. `get` reads
   * the old value until then. On servers that do not speak meta the item is deleted instead.
   *
   * @returns whether there was an item.
   */
  invalidate(key: Key, options?: InvalidateOptions): Promise<boolean> {
    const done = this.#invalidation.invalidate(key, options)
    this.#cacheAside.changed(key, done)
    return done
  }

  /** A tag, to invalidate all values that were wrapped with it. Costs nothing. */
  tag(name: string): Tag {
    checkTag('a tag', name)
    return new Tag(name, async (options) => {
      checkCall('invalidate', options)
      await this.#renew(name, options)
    })
  }

  /**
   * Makes every key that was wrapped in this namespace miss at once, as one tag that all have.
   *
   * @throws TypeError unless the option `namespaceVersion` is on.
   */
  async invalidateNamespace(options?: CallOptions): Promise<void> {
    if (!this.#namespaceVersion) {
      throw new TypeError('invalidateNamespace takes effect with namespaceVersion: true alone')
    }
    checkCall('invalidateNamespace', options)
    await this.#renew(EVERYTHING, options)
  }

  /** What this process holds of items is worth nothing any more. */
  protected async everythingChanges<T>(done: Promise<T>): Promise<T> {
    this.#cacheAside.allChanged()
    return done.finally(() => this.#cacheAside.allChanged())
  }

  /** What close waits for: loads under way, whose values are still to be stored. */
  protected loadsUnderWay(): Promise<void> | undefined {
    return this.#cacheAside.idle()
  }

  async #renew(tag: string, options: CallOptions | undefined): Promise<void> {
    this.#cacheAside.tagChanged(tag)
    try {
      await this.#tags.renew(tag, options)
    } finally {
      this.#cacheAside.tagChanged(tag)
    }
  }
}
