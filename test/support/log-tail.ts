const LIMIT = 256 * 1024

/** The last part of a log, bounded: a server told to be verbose may write for minutes. */
export class LogTail {
  #text = ''

  append(chunk: Buffer | string): void {
    this.#text += chunk.toString()
    if (this.#text.length > 2 * LIMIT) this.#text = this.#text.slice(-LIMIT)
  }

  toString(): string {
    return this.#text.slice(-LIMIT)
  }
}
