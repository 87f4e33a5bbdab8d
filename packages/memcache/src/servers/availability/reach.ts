import { Fault, Health, type HealthOwner, monotonic } from '@glammp/wire'
import { AuthenticationFault } from '../../requests/refusal.js'
import { RECONNECT } from '../../requests/retry.js'
import { Ejection, type EjectionOptions, type EjectionOwner } from './ejection.js'

/** Called when a server goes down and comes back, and to check whether it is back. */
export interface ReachOwner extends EjectionOwner, HealthOwner {}

/** `doubtful`: it was down, has rested, and may be back. */
type Standing = 'up' | 'untried' | 'doubtful' | 'down'

/** Whether a server can be reached, as far as known from the connections to it. */
export class Reach {
  readonly #health: Health
  readonly #ejection: Ejection
  #tried = false
  #underWay = 0
  #failedAt = Number.NEGATIVE_INFINITY

  /** @param ejection - when the failing server is left out; `undefined`: never. */
  constructor(ejection: EjectionOptions | undefined, owner: ReachOwner) {
    this.#health = new Health(RECONNECT, owner)
    this.#ejection = new Ejection(ejection, owner)
  }

  /** True while the server is left out for failing. */
  get ejected(): boolean {
    return this.#ejection.reason !== undefined
  }

  /** The last failure if the server is down or left out, else `undefined`. */
  get reason(): Fault | undefined {
    return this.#ejection.reason ?? this.#health.reason
  }

  /** The last failure while the server must not be tried, else `undefined`. */
  get unfit(): Fault | undefined {
    return this.#ejection.reason ?? this.#health.resting
  }

  /** What is known of it, if its state before the given time no longer counts. */
  standing(since: number): Standing {
    if (this.reason === undefined) return this.#tried ? 'up' : 'untried'
    return this.#failedAt >= since || this.unfit !== undefined ? 'down' : 'doubtful'
  }

  /** True while a connection is being made. */
  get isTrying(): boolean {
    return this.#underWay > 0
  }

  /** Opens a connection and records the outcome. @throws Fault */
  async opening<T>(open: () => Promise<T>): Promise<T> {
    this.#tried = true
    this.#underWay += 1
    try {
      const opened = await open()
      this.#health.succeeded()
      return opened
    } catch (error) {
      const fault = error instanceof Fault ? error : new Fault('connect', String(error), error)
      // An attempt that was given up says nothing about the server.
      if (fault.kind !== 'closed') this.#failed(fault)
      throw fault
    } finally {
      this.#underWay -= 1
    }
  }

  /** A request was answered. */
  answered(): void {
    this.#ejection.succeeded()
  }

  /** A connection broke while requests were on it. */
  broke(reason: Fault): void {
    if (isNoConnection(reason)) this.#failed(reason)
    else this.#ejection.failed(reason)
  }

  /** No other server is left. */
  hurry(): void {
    this.#ejection.hurry()
  }

  /** Stops asking. */
  stop(): void {
    this.#ejection.stop()
  }

  #failed(fault: Fault): void {
    this.#failedAt = monotonic()
    this.#health.failed(fault)
    this.#ejection.failed(fault)
  }
}

/** True if a server accepted a connection only to refuse it: no request on it was carried out. */
export function isNoConnection(reason: Fault): boolean {
  return reason.kind === 'connect' && !(reason instanceof AuthenticationFault)
}
