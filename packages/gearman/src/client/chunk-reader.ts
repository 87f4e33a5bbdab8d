import { SlowReaderError } from '../errors.js'
import type { Flow, HoldOwner } from './servers/flow-control.js'

/** Bytes of unread partial results from which on the connection is held. */
const HIGH = 1024 * 1024
/** Bytes at which it is read again. */
const LOW = HIGH / 4
/** What an entry costs besides its bytes: empty chunks need a limit too. */
const ENTRY = 64

/** One loop over the partial results of a task: those that arrived and were not read yet. */
export class ChunkReader implements AsyncIterator<unknown, undefined>, HoldOwner {
  readonly #name: string
  readonly #left: (reader: ChunkReader) => void
  #chunks: { readonly value: unknown; readonly size: number }[] = []
  #first = 0
  #size = 0
  #flow: Flow | undefined
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #waiting: (() => void)[] = []

  /** @param left - called when nothing more should be pushed. */
  constructor(name: string, left: (reader: ChunkReader) => void) {
    this.#name = name
    this.#left = left
  }

  /** @param size - bytes of the chunk. */
  push(value: unknown, size: number, flow: Flow): void {
    this.#chunks.push({ value, size: size + ENTRY })
    this.#size += size + ENTRY
    if (this.#size > HIGH) {
      this.#flow = flow
      flow.hold(this)
    }
    this.#wake()
  }

  /** No more will come. What came before is still read. */
  end(failure?: { readonly error: unknown }): void {
    this.#ended = true
    this.#failure = failure
    this.#release()
    this.#wake()
  }

  /** @internal */
  overdue(): void {
    this.#left(this)
    this.end({
      error: new SlowReaderError(
        `the loop over the partial results of ${this.#name} left ${this.#size} bytes unread for so long that others on the connection had to go on`,
        { function: this.#name },
      ),
    })
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    while (this.#first === this.#chunks.length && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
    const chunk = this.#chunks[this.#first]
    if (chunk !== undefined) {
      this.#advance(chunk.size)
      return { done: false, value: chunk.value }
    }
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure.error
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    this.#left(this)
    this.#chunks = []
    this.#first = 0
    this.end()
    return { done: true, value: undefined }
  }

  #advance(size: number): void {
    this.#size -= size
    this.#first += 1
    // Taking from the front of an array costs as much as it is long; now and then is cheap.
    if (this.#first * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first)
      this.#first = 0
    }
    if (this.#size <= LOW) this.#release()
  }

  #release(): void {
    this.#flow?.release(this)
    this.#flow = undefined
  }

  // All of them: each checks whether there is something for it, and waits again if not.
  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
