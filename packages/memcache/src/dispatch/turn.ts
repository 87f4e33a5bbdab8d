import { monotonic, onAbort, patiently, reasonOf } from '@glammp/wire'
import { TimeoutError } from '../errors.js'
import { type Key, keyText } from '../key.js'
import type { Fleet } from '../servers/fleet.js'
import type { KeyOrder } from './key-order.js'

/** Milliseconds between two looks at an earlier call that is being prepared. */
const LOOK = 20

/** What a call waits in. */
interface TurnContext {
  readonly fleet: Fleet
  readonly keyOrder: KeyOrder
  /** Milliseconds for a call. */
  readonly timeout: number
}

interface Time {
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** The call that waits, for its error. */
interface Waiting {
  readonly command: string
  readonly key?: Key | undefined
  readonly keys?: readonly Key[] | undefined
}

/**
 * The time of a call that waits for earlier calls of its key. It runs as that of a request does: from
 * the call on, and anew where bytes of large values move, its server's or those that an earlier call
 * sends ahead.
 */
export class Turn {
  readonly #context: TurnContext
  readonly #wireKey: string
  readonly #call: Waiting
  readonly #timeout: number
  readonly #signal: AbortSignal | undefined
  readonly #late: Promise<never>
  #giveUp: (reason: unknown) => void = () => {}
  #forget: () => void = () => {}
  #release: (() => void) | undefined
  #due: number
  /** What it was given up for. */
  #failure: { readonly reason: unknown } | undefined

  /** @param wireKey - a key that it waits for. */
  constructor(context: TurnContext, wireKey: string, call: Waiting, options: Time | undefined) {
    this.#context = context
    this.#wireKey = wireKey
    this.#call = call
    this.#timeout = options?.timeout ?? context.timeout
    this.#signal = options?.signal
    this.#due = monotonic() + this.#timeout
    this.#late = new Promise((_, reject) => {
      this.#giveUp = (reason) => {
        this.#stop()
        this.#failure = { reason }
        reject(reason)
      }
    })
    // The turn may come before anybody waits for both.
    this.#late.catch(() => {})
    this.#wait(this.#timeout)
    const signal = this.#signal
    if (signal === undefined) return
    if (signal.aborted) this.#giveUp(reasonOf(signal))
    else this.#release = onAbort(signal, () => this.#giveUp(reasonOf(signal)))
  }

  /** The same, unless the call is given up before its turn. */
  orLate<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#late])
  }

  /** As {@link orLate}, for a list, which lets later calls pass if it was given up. */
  orLeave(turn: Promise<() => void>): Promise<() => void> {
    void turn.then((leave) => {
      if (this.#failure !== undefined) leave()
    })
    return this.orLate(turn)
  }

  /**
   * Its turn has come: requests keep their time themselves.
   *
   * @returns its options, with the time that is left.
   * @throws what it was given up for.
   */
  begin(): Time {
    this.#stop()
    if (this.#failure !== undefined) throw this.#failure.reason
    const left = Math.max(this.#extended() - monotonic(), this.#rest(), 1)
    return { timeout: Math.ceil(left), signal: this.#signal }
  }

  #wait(milliseconds: number): void {
    this.#forget = patiently(milliseconds, () => this.#expire())
  }

  #expire(): void {
    const now = monotonic()
    this.#due = Math.max(this.#extended(), now + this.#rest())
    if (this.#due > now) this.#wait(this.#due - now)
    else if (this.#context.keyOrder.isPreparing(this.#wireKey)) this.#wait(LOOK)
    else this.#giveUp(this.#error())
  }

  /** Counted anew from when an earlier call had sent its pieces ahead. */
  #extended(): number {
    return Math.max(this.#due, this.#context.keyOrder.preparedAt(this.#wireKey) + this.#timeout)
  }

  #rest(): number {
    return this.#context.fleet.homeOf(this.#wireKey).restOf(this.#timeout)
  }

  #error(): TimeoutError {
    const { command, key } = this.#call
    const server = this.#context.fleet.homeOf(this.#wireKey).address.name
    const what = key === undefined ? command : `${command} ${keyText(key)}`
    const message = `${what} on ${server}: earlier calls of the key were not answered in time`
    const { keys } = this.#call
    return new TimeoutError(message, { command, key, keys, server })
  }

  #stop(): void {
    this.#forget()
    this.#release?.()
  }
}
