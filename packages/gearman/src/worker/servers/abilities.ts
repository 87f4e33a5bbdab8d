import type { Output } from '@glammp/wire'
import { encode, PacketType } from '../../protocol/packet.js'

/**
 * The functions of a connection: those that it is to serve, and what gearmand was told. Each has the
 * milliseconds after which gearmand takes a job back and gives it to another worker, if it does.
 */
export class Abilities {
  readonly #served: Map<string, number | undefined> = new Map()
  /** To be taken back, as gearmand was told of them. */
  readonly #retiring: Map<string, number | undefined> = new Map()

  /** Whether some are to be taken back: until then a grab could bring one of their jobs. */
  get retiring(): boolean {
    return this.#retiring.size > 0
  }

  /** Whether a job of the function may come. */
  has(wireName: string): boolean {
    return this.#served.has(wireName) || this.#retiring.has(wireName)
  }

  /** Registers all on a new connection, which knows of none. */
  greet(output: Output): void {
    for (const [name, timeout] of this.#served) register(output, name, timeout)
  }

  /** The connection is gone: nothing is to be taken back any more. */
  lost(): void {
    this.#retiring.clear()
  }

  /**
   * Serves a function from now on.
   *
   * @param output - of the connection, if there is one.
   * @returns Whether gearmand is told of it now.
   */
  add(wireName: string, timeout: number | undefined, output: Output | undefined): boolean {
    const told = this.#told(wireName)
    const known = told.has(wireName)
    const before = told.get(wireName)
    this.#served.set(wireName, timeout)
    if (output === undefined) return false
    if (!known) {
      register(output, wireName, timeout)
      return true
    }
    // A second CAN_DO would count the connection as two workers.
    if (before === timeout) this.#retiring.delete(wireName)
    else this.#retiring.set(wireName, before)
    return false
  }

  /**
   * Serves a function no more.
   *
   * @param connected - whether gearmand was told of it.
   */
  remove(wireName: string, connected: boolean): void {
    if (!this.#served.has(wireName)) return
    const before = this.#told(wireName).get(wireName)
    this.#served.delete(wireName)
    if (connected) this.#retiring.set(wireName, before)
  }

  /**
   * Takes back what can be, while no grab is out: CANT_DO makes gearmand queue the function's running
   * jobs again, those on their way included.
   *
   * @param runs - whether a job of the function runs.
   * @returns Whether a function was registered anew, with another timeout.
   */
  retire(output: Output, runs: (wireName: string) => boolean): boolean {
    let anew = false
    for (const name of this.#retiring.keys()) {
      if (runs(name)) continue
      this.#retiring.delete(name)
      encode(output, PacketType.CANT_DO, name)
      if (!this.#served.has(name)) continue
      register(output, name, this.#served.get(name))
      anew = true
    }
    return anew
  }

  #told(wireName: string): Map<string, number | undefined> {
    return this.#retiring.has(wireName) ? this.#retiring : this.#served
  }
}

function register(output: Output, wireName: string, timeout: number | undefined): void {
  if (timeout === undefined) encode(output, PacketType.CAN_DO, wireName)
  else encode(output, PacketType.CAN_DO_TIMEOUT, `${wireName}\0${timeout}`)
}
