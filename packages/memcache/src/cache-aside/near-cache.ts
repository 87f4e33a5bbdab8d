import { monotonic } from '@glammp/wire'
import { LRUCache } from 'lru-cache'

/** A cache in the process in front of `wrap`. */
export interface NearOptions {
  /** Values kept at most; the least recently used goes first. */
  readonly max: number
  /** Seconds that a value is served without asking a server; fractions count. */
  readonly ttl: number
}

/**
 * Otherwise it takes both the clock and a timer from the global object at each call, where a test
 * may have installed its own.
 */
const REAL_TIME = { perf: { now: monotonic }, ttlResolution: 0 }

interface Entry {
  readonly value: unknown
  readonly tags: readonly string[]
}

/** Values that `wrap` has just returned. What this process changes or invalidates leaves it at once. */
export class NearCache {
  readonly #entries: LRUCache<string, Entry>
  /** Milliseconds. */
  readonly #ttl: number

  constructor({ max, ttl }: NearOptions) {
    this.#ttl = ttl * 1_000
    this.#entries = new LRUCache({ max, ttl: this.#ttl, ...REAL_TIME })
  }

  /** @param id - as `keyId` returns it, like all ids here. */
  get(id: string): { readonly value: unknown } | undefined {
    return this.#entries.get(id)
  }

  /** @param longest - seconds that the value may be kept at most; `Infinity`: as long as any. */
  put(id: string, value: unknown, tags: readonly string[], longest: number): void {
    const ttl = Math.min(this.#ttl, longest * 1_000)
    if (ttl <= 0) return
    this.#entries.set(id, { value, tags }, { ttl })
  }

  drop(id: string): void {
    this.#entries.delete(id)
  }

  /**
   * Bounded by `max`: a list of keys for each tag would cost more, and memory for tags that no
   * longer exist.
   */
  dropTagged(tag: string): void {
    for (const [id, { tags }] of this.#entries.entries()) {
      if (tags.includes(tag)) this.#entries.delete(id)
    }
  }

  clear(): void {
    this.#entries.clear()
  }
}
