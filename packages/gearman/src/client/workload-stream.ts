import { isUint8Array } from 'node:util/types'
import { messageOf, Pull } from '@glammp/wire'
import { checkSize } from '../codec.js'
import { InvalidArgumentError } from '../errors.js'
import { wholeNumber } from '../options.js'

/** A workload that comes in pieces: a Readable, a web stream, any async iterable of bytes or text. */
export type WorkloadSource = AsyncIterable<unknown>

/**
 * A workload that comes in pieces, put together before a byte of its packet is written: a packet
 * announces its length, and one that turned out to be shorter or longer would corrupt the
 * connection for all others on it. gearmand too keeps a workload in memory as a whole.
 */
export class WorkloadStream {
  /** The number of bytes that it must have. */
  readonly length: number
  readonly #pull: Pull<unknown>
  readonly #name: string

  /** @throws {@link InvalidArgumentError} without a length, or with one over what a packet holds. */
  constructor(source: WorkloadSource, length: number | undefined, name: string) {
    if (length === undefined) {
      throw new InvalidArgumentError(
        `the workload for ${name} comes in pieces: give the number of bytes by \`length\``,
        { function: name },
      )
    }
    this.length = wholeNumber('length', length, 0)
    checkSize(this.length, name)
    this.#name = name
    this.#pull = new Pull(source)
  }

  /**
   * Reads it to its end.
   *
   * @throws {@link InvalidArgumentError} if it has another length, or could not be read.
   */
  async read(): Promise<Buffer> {
    // Memory of this kind is only touched as the bytes come.
    const data = Buffer.allocUnsafeSlow(this.length)
    let size = 0
    const pull = this.#pull
    try {
      for (;;) {
        const { done, value: piece } = await pull.next()
        if (done) {
          pull.ended()
          break
        }
        const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
        if (!isUint8Array(bytes)) throw new TypeError('it returned neither bytes nor text')
        if (bytes.length > this.length - size) throw new RangeError('it has more')
        data.set(bytes, size)
        size += bytes.length
      }
      if (size < this.length) throw new RangeError(`it has ${size}`)
    } catch (cause) {
      throw new InvalidArgumentError(
        `cannot read ${this.length} bytes of workload for ${this.#name}: ${messageOf(cause)}`,
        { function: this.#name, cause },
      )
    } finally {
      pull.stop()
    }
    return data
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    this.#pull.stop()
  }
}
