/** Bytes for which memory is taken at once: items of memcached's default size, with their ends. */
const AT_ONCE = 2 ** 20 + 1_024

/**
 * Bytes of an announced number, put together as they come. What is only announced costs little:
 * memory grows with what has come, so that a peer cannot make this process allocate gigabytes by a
 * few bytes.
 */
export class AnnouncedBytes {
  readonly #length: number
  #bytes: Buffer
  #filled = 0

  constructor(length: number) {
    this.#length = length
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(length, AT_ONCE))
  }

  /**
   * Takes what belongs to them from a chunk.
   *
   * @param at - where that begins.
   * @returns where it ends.
   */
  take(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#length - this.#filled)
    const filled = this.#filled + end - at
    if (filled > this.#bytes.length) this.#grow(filled)
    chunk.copy(this.#bytes, this.#filled, at, end)
    this.#filled = filled
    return end
  }

  /** All bytes, in memory of their own and of their length; `undefined` until they have come. */
  get whole(): Buffer | undefined {
    return this.#filled === this.#length ? this.#bytes : undefined
  }

  #grow(needed: number): void {
    const size = Math.min(this.#length, Math.max(needed, 2 * this.#bytes.length))
    const larger = Buffer.allocUnsafeSlow(size)
    this.#bytes.copy(larger, 0, 0, this.#filled)
    this.#bytes = larger
  }
}
