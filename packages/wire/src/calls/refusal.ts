/**
 * The rejection of a send method. If nobody handles it, by `await` or `then`, it is reported
 * instead of becoming an unhandled rejection of the process.
 */
export class Refusal<E extends Error> extends Promise<boolean> {
  #taken = false
  readonly #error: E
  readonly #tell: (error: E) => void

  // What is derived from it is a promise like any other.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  /** @param tell - called with the error if nobody has handled it when it is judged. */
  constructor(error: E, tell: (error: E) => void) {
    super((_, reject) => reject(error))
    this.#error = error
    this.#tell = tell
    super.then(undefined, () => {})
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` of a class of its own calls it
  override then<A = boolean, B = never>(
    fulfilled?: ((sent: boolean) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#taken = true
    return super.then(fulfilled, rejected)
  }

  /** Whoever handles it has done so by now. */
  judge(): void {
    if (this.#taken) return
    this.#taken = true
    this.#tell(this.#error)
  }
}
