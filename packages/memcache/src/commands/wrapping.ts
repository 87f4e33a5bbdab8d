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
import type { Tell } from '../observing/events.js'

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

/** The commands that load what is missing, and those that cause it to be loaded anew. */
export class Wrapping {
  readonly #cacheAside: CacheAside
  readonly #invalidation: Invalidation
  readonly #tags: Tags
  readonly #namespaceVersion: boolean

  constructor(context: CommandContext, settings: WrapSettings, tell: Tell) {
    const leases = new Leases(context)
    const tags = new Tags(context)
    this.#tags = tags
    this.#invalidation = new Invalidation(context, settings.foreignReaders)
    this.#namespaceVersion = settings.namespaceVersion
    this.#cacheAside = new CacheAside(
      {
        checkOpen: () => context.fleet.checkOpen(),
        check: (keys, command) => leases.check(keys, command),
        look: (keys, ask, looked) => leases.look(keys, ask, looked),
        glance: (key, ask, owner) => leases.glance(key, ask, owner),
        print: (names, call) => tags.print(names, call),
        timeout: (call) => timeoutOf(context, call),
      },
      {
        near: settings.near,
        tags: settings.namespaceVersion ? [EVERYTHING] : [],
        foreignReaders: settings.foreignReaders,
        refreshFailed: (key, error, delay) => tell('refresh:failed', { key, error, delay }),
      },
    )
    context.changes.listener = this.#cacheAside
  }

  wrap(key: Key, load: () => unknown, options: WrapOptions): Promise<unknown> {
    return this.#cacheAside.wrap(key, load, options)
  }

  wrapMany(
    keys: Iterable<Key>,
    loadMany: LoadMany<unknown, Key>,
    options: WrapOptions,
  ): Promise<Map<Key, unknown>> {
    return this.#cacheAside.wrapMany(keys, loadMany, options)
  }

  invalidate(key: Key, options?: InvalidateOptions): Promise<boolean> {
    const done = this.#invalidation.invalidate(key, options)
    this.#cacheAside.changed(key, done)
    return done
  }

  tag(name: string): Tag {
    checkTag('a tag', name)
    return new Tag(name, async (options) => {
      checkCall('invalidate', options)
      await this.#renew(name, options)
    })
  }

  async invalidateNamespace(options?: CallOptions): Promise<void> {
    if (!this.#namespaceVersion) {
      throw new TypeError('invalidateNamespace needs namespaceVersion: true')
    }
    checkCall('invalidateNamespace', options)
    await this.#renew(EVERYTHING, options)
  }

  /** What this process keeps of items is no longer valid. */
  async everythingChanges<T>(done: Promise<T>): Promise<T> {
    this.#cacheAside.allChanged()
    return done.finally(() => this.#cacheAside.allChanged())
  }

  /** What close waits for: loads under way, whose values are still to be stored. */
  loadsUnderWay(): Promise<void> | undefined {
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
