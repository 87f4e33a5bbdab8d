/** How much memory of values, on the heap and beside it, is in use at most, beyond what was. */
export class Growth {
  readonly #before = used()
  #most = 0
  readonly #timer = setInterval(() => this.#look(), 5)

  constructor() {
    this.#timer.unref()
  }

  /** Bytes at most until now. */
  most(): number {
    this.#look()
    return this.#most
  }

  #look(): void {
    this.#most = Math.max(this.#most, used() - this.#before)
  }
}

function used(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
