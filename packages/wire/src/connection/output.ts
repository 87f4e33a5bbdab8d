import { latin1 } from '../values/byte-text.js'

/** Buffers up to this many bytes join the text: one copy is cheaper than one more part to write. */
const SMALL = 1024

/**
 * Bytes on their way to a socket. Requests of one tick are appended here and leave as one write:
 * small parts grow into one string of one-byte characters (the fastest thing Node writes), large
 * Buffers stay apart and are never copied.
 */
export class Output {
  #text = ''
  #parts: (string | Uint8Array)[] = []
  #appended = 0

  /** How many bytes were appended so far, taken or not. */
  get appended(): number {
    return this.#appended
  }

  /** True if nothing was appended since the last {@link take}. */
  get empty(): boolean {
    return this.#text === '' && this.#parts.length === 0
  }

  /** Appends text of which every character stands for one byte (U+0000 to U+00FF). */
  text(bytes: string): void {
    this.#text += bytes
    this.#appended += bytes.length
  }

  /** Appends bytes; a large array is kept by reference, so it must not change until it is sent. */
  bytes(data: Uint8Array): void {
    this.#appended += data.byteLength
    if (data.byteLength <= SMALL) {
      this.#text += latin1(data)
      return
    }
    if (this.#text !== '') {
      this.#parts.push(this.#text)
      this.#text = ''
    }
    this.#parts.push(data)
  }

  /** Hands over what was appended, in order, and is empty again. */
  take(): (string | Uint8Array)[] {
    const parts = this.#parts
    if (this.#text !== '') parts.push(this.#text)
    this.#parts = []
    this.#text = ''
    return parts
  }
}
