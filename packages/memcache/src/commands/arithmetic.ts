import { OptionRules, shown } from '@glammp/wire'
import type { CommandContext } from '../dispatch/context.js'
import { route, routeNow } from '../dispatch/route.js'
import { Turn } from '../dispatch/turn.js'
import { ServerError } from '../errors.js'
import { type Key, keptKey, keyText } from '../key.js'
import { ArithmeticRequest } from '../requests/item-request.js'
import { COUNTER_ATTEMPTS } from '../requests/retry.js'
import { STORE_CHECKS, type Storage, type StoreOptions } from './storage.js'

/**
 * Options of `increment` and `decrement`; `ttl` only with `initial`, as the lifetime of the counter
 * that it creates.
 */
export interface CountOptions extends StoreOptions {
  /** The number that a missing counter starts with; without it a missing counter stays missing. */
  readonly initial?: number | bigint | undefined
}

const COUNT_RULES = new OptionRules<CountOptions>({
  initial: unsigned,
  ...STORE_CHECKS,
})

/** The server counts in unsigned 64 bits. */
const LARGEST = 2n ** 64n - 1n

/** The commands that count: `increment` and `decrement`. */
export class Arithmetic {
  readonly #context: CommandContext
  readonly #storage: Storage

  constructor(context: CommandContext, storage: Storage) {
    this.#context = context
    this.#storage = storage
  }

  /** Resolves to the new number, of the type of `delta`; `undefined` if there is no counter. */
  async count<T extends number | bigint>(
    command: 'increment' | 'decrement',
    key: Key,
    delta: T,
    options: CountOptions | undefined,
  ): Promise<T | undefined> {
    const step = unsigned('delta', delta)
    if (options !== undefined) COUNT_RULES.check(command, options)
    const { initial, ttl, timeout, signal } = options ?? {}
    if (ttl !== undefined && initial === undefined) {
      throw new TypeError(
        `ttl of ${command} is the lifetime of the counter that initial creates: give both, or touch the key`,
      )
    }
    const start = initial === undefined ? undefined : unsigned('initial', initial)
    if (start !== undefined) numberLike(delta, String(start), key)
    const kept = keptKey(key)
    const wireKey = this.#context.keys.toWire(kept, command)
    const call = { ttl, timeout, signal }
    if (start === undefined) {
      const text = await route(this.#context, wireKey, request(command, kept, wireKey, step), call)
      return text === undefined ? undefined : numberLike(delta, text, key)
    }
    const { changes, fleet, keyOrder } = this.#context
    const ready = fleet.ready(signal)
    const turn =
      keyOrder.of(wireKey) === undefined
        ? undefined
        : new Turn(this.#context, wireKey, { command, key: kept }, call)
    const work = keyOrder.together(wireKey, async (close) => {
      if (ready !== undefined) await ready
      const left = turn === undefined ? call : { ttl, ...turn.begin() }
      return this.#countFrom(start, { command, key: kept, wireKey, delta, step }, left, close)
    })
    const done = turn === undefined ? work : turn.orLate(work)
    changes.tell(kept, done)
    return done
  }

  // Later calls for the key wait in the meantime, because there is more than one request to send.
  async #countFrom<T extends number | bigint>(
    start: bigint,
    { command, key, wireKey, delta, step }: Count<T>,
    call: StoreOptions,
    close: () => void,
  ): Promise<T> {
    for (let attempt = 0; attempt < COUNTER_ATTEMPTS; attempt += 1) {
      const increment = request(command, key, wireKey, step)
      const text = await routeNow(this.#context, wireKey, increment, call)
      if (text !== undefined) return numberLike(delta, text, key)
      close()
      // By `add` and not by the server's own autovivification, which leaves an item without flags
      // that would be read back as text.
      const value = typeof delta === 'bigint' ? start : Number(start)
      if (await this.#storage.addNow(key, value, call)) {
        return numberLike(delta, String(start), key)
      }
    }
    throw new ServerError(`${command} ${keyText(key)}: the counter keeps disappearing`, {
      command,
      key,
    })
  }
}

/** A step of a counter. */
interface Count<T extends number | bigint> {
  readonly command: 'increment' | 'decrement'
  readonly key: Key
  readonly wireKey: string
  /** As it was given. */
  readonly delta: T
  readonly step: bigint
}

function request(command: string, key: Key, wireKey: string, step: bigint): ArithmeticRequest {
  return new ArithmeticRequest(command, key, wireKey, String(step), command === 'decrement')
}

/** @throws TypeError or RangeError if it is not an unsigned 64-bit number. */
function unsigned(name: string, value: unknown): bigint {
  if (typeof value !== 'bigint' && typeof value !== 'number') {
    throw new TypeError(
      `${name} is a whole number up to 2^53 - 1, or a bigint; not ${shown(value)}`,
    )
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new RangeError(`${name} is a whole number up to 2^53 - 1, or a bigint; not ${value}`)
  }
  if (value < 0 || value > LARGEST) {
    throw new RangeError(`${name} is from 0 to 2^64 - 1; not ${shown(value)}`)
  }
  return BigInt(value)
}

function numberLike<T extends number | bigint>(delta: T, text: string, key: Key): T {
  if (typeof delta === 'bigint') return BigInt(text) as T
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number as T
  throw new RangeError(
    `the counter ${keyText(key)} is at ${text}, above 2^53 - 1: count with a bigint`,
  )
}
