import { guarded } from '@glammp/wire'
import { type Codec, decodeWith } from '../codec.js'
import type { BatchPlace } from './batch.js'
import type { EncodedOrder, JobOptions } from './job-order.js'
import type { JobListener } from './servers/submission.js'

/** A job for `do`: one promise, and the caller's listeners. */
export class Call implements JobListener {
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #name: string
  readonly #codec: Codec
  readonly #onData: JobOptions['onData']
  readonly #onStatus: JobOptions['onStatus']
  readonly #onWarning: JobOptions['onWarning']
  readonly #background: boolean
  readonly #place: BatchPlace | undefined

  constructor(
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    { order, codec }: EncodedOrder,
    options: JobOptions | undefined,
    place?: BatchPlace,
  ) {
    this.#resolve = resolve
    this.#reject = reject
    this.#name = order.name
    this.#background = order.background
    this.#codec = codec
    // Read once and here: a getter that throws fails this call, and not the connection.
    this.#onData = options?.onData
    this.#onStatus = options?.onStatus
    this.#onWarning = options?.onWarning
    this.#place = place
  }

  created(): void {
    this.#place?.acknowledged()
  }

  data(chunk: Buffer): void {
    const onData = this.#onData
    if (onData === undefined) return
    let decoded: unknown
    try {
      decoded = decodeWith(this.#codec, chunk, this.#name)
    } catch (error) {
      this.#reject(error)
      return
    }
    guarded(() => onData(decoded))
  }

  status(numerator: number, denominator: number): void {
    const onStatus = this.#onStatus
    if (onStatus !== undefined) guarded(() => onStatus(numerator, denominator))
  }

  warning(text: Buffer): void {
    const onWarning = this.#onWarning
    if (onWarning !== undefined) guarded(() => onWarning(text.toString()))
  }

  complete(result: Buffer, handle: string): void {
    if (this.#background) {
      this.#resolve(handle)
      return
    }
    try {
      this.#resolve(decodeWith(this.#codec, result, this.#name))
    } catch (error) {
      this.#reject(error)
    }
  }

  failed(reason: unknown): void {
    this.#reject(reason)
  }
}
