import { setTimeout as sleep } from 'node:timers/promises'
import type { MemcacheClient } from '@glammp/memcache'
import { familyOf, type Step, tagsOf } from './program.js'
import type { Call, MadeCall, Recorder } from './record.js'
import { nameOf, valueNamed } from './values.js'

/** Seconds that are over after no program. */
const TTL = 600

/** Seconds of a lease: those who wait for one that was lost wait this long. */
export const LEASE = 1

/** Does the steps of one caller. */
export class Caller {
  readonly #cache: MemcacheClient
  readonly #recorder: Recorder
  readonly #client: number
  readonly #caller: number
  #written = 0

  constructor(cache: MemcacheClient, recorder: Recorder, client: number, caller: number) {
    this.#cache = cache
    this.#recorder = recorder
    this.#client = client
    this.#caller = caller
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.rest > 0) await sleep(step.rest)
      await this.#take(step)
    }
  }

  async #take(step: Step): Promise<void> {
    const cache = this.#cache
    const { op, keys, size } = step
    const [key = ''] = keys
    const signal = step.abort > 0 ? { signal: AbortSignal.timeout(step.abort) } : {}
    const ttl = { ttl: TTL, ...signal }
    switch (op) {
      case 'get':
        return this.#call({ op, keys }, () => cache.get(key, signal))
      case 'getAndTouch':
        return this.#call({ op, keys }, () => cache.getAndTouch(key, TTL, signal))
      case 'getMany':
        return this.#call({ op, keys }, () => cache.getMany(keys, signal))
      case 'gets':
        return this.#call({ op, keys }, () => cache.gets(key, signal))
      case 'touch':
        return this.#call({ op, keys }, () => cache.touch(key, TTL, signal))
      case 'delete':
        return this.#call({ op, keys }, () => cache.delete(key, signal))
      case 'deleteMany':
        return this.#call({ op, keys }, () => cache.deleteMany(keys, signal))
      case 'invalidate':
        return this.#call({ op, keys }, () => cache.invalidate(key, signal))
      case 'invalidateTag': {
        const [tag = ''] = tagsOf(key)
        return this.#call({ op, keys }, () => cache.tag(tag).invalidate(signal))
      }
      case 'set':
      case 'add':
      case 'replace': {
        const { name, value } = this.#value(key, size)
        return this.#call({ op, keys, names: [name] }, () => cache[op](key, value, ttl))
      }
      case 'append':
      case 'prepend': {
        const name = this.#name(key)
        return this.#call({ op, keys, names: [name] }, () => cache[op](key, name, signal))
      }
      case 'setMany': {
        const values = keys.map((each) => this.#value(each, size))
        const names = values.map(({ name }) => name)
        const entries = new Map(keys.map((each, at) => [each, values[at]?.value]))
        return this.#call({ op, keys, names }, () => cache.setMany(entries, ttl))
      }
      case 'increment':
      case 'decrement':
        return this.#call({ op, keys, amount: size }, () => cache[op](key, size, signal))
      case 'create': {
        const initial = 1_000 + size
        return this.#call({ op, keys, amount: initial }, () =>
          cache.increment(key, size, { initial, ttl: TTL, ...signal }),
        )
      }
      case 'swap':
        return this.#swap(step, signal)
      case 'wrap':
        return this.#wrap(step, signal)
      case 'wrapMany':
        return this.#wrapMany(step, signal)
    }
  }

  async #call(
    made: Omit<MadeCall, 'client' | 'caller'>,
    run: (call: Call) => Promise<unknown>,
  ): Promise<void> {
    await this.#recorder.record({ ...made, client: this.#client, caller: this.#caller }, run)
  }

  async #swap({ keys, size }: Step, signal: { signal?: AbortSignal }): Promise<void> {
    const [key = ''] = keys
    const cache = this.#cache
    const since = performance.now()
    let token: { value: unknown; cas: string } | undefined
    await this.#call({ op: 'gets', keys }, async () => {
      token = await cache.gets(key, signal)
      return token
    })
    if (token === undefined) return
    const { value: old, cas } = token
    const { name, value } = this.#value(key, size)
    const made = { keys, names: [name], expected: nameOf(old), expectedSince: since }
    await this.#call({ op: 'cas', ...made }, () =>
      cache.cas(key, value, cas, { ttl: TTL, ...signal }),
    )
  }

  async #wrap({ keys, size }: Step, signal: { signal?: AbortSignal }): Promise<void> {
    const [key = ''] = keys
    await this.#call({ op: 'wrap', keys }, (call) =>
      this.#cache.wrap(key, async () => (await this.#load([key], size, call))[0], {
        ...this.#wrapOptions(key),
        ...signal,
      }),
    )
  }

  async #wrapMany({ keys, size }: Step, signal: { signal?: AbortSignal }): Promise<void> {
    const [first = ''] = keys
    // All keys of a call have the tags of the call.
    const alike = familyOf(first) === 'tagged' ? [first] : keys
    await this.#call({ op: 'wrapMany', keys: alike }, (call) =>
      this.#cache.wrapMany(alike, (missing) => this.#load(missing, size, call), {
        ...this.#wrapOptions(first),
        ...signal,
      }),
    )
  }

  async #load(keys: readonly string[], milliseconds: number, call: Call): Promise<unknown[]> {
    const values = keys.map((key) => ({ key, ...this.#value(key, 0) }))
    const loads = values.map(({ key, name }) => {
      return { key, name, start: performance.now(), end: Number.POSITIVE_INFINITY }
    })
    call.loads.push(...loads)
    if (milliseconds > 0) await sleep(milliseconds)
    for (const load of loads) load.end = performance.now()
    return values.map(({ value }) => value)
  }

  #wrapOptions(key: string): { ttl: number; lease: number; tags?: readonly string[] } {
    const tags = tagsOf(key)
    return { ttl: TTL, lease: LEASE, ...(tags.length > 0 ? { tags } : {}) }
  }

  #name(key: string): string {
    this.#written += 1
    return `${key}=${this.#client}.${this.#caller}.${this.#written};`
  }

  #value(key: string, size: number): { name: string; value: unknown } {
    if (familyOf(key) === 'number') return { name: String(size), value: size }
    const name = this.#name(key)
    const mayBeObject = familyOf(key) !== 'text' || size > 0
    return { name, value: valueNamed(name, size, mayBeObject) }
  }
}
