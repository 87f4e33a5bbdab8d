import type { SubmitMessage } from '../observing/channels.js'
import type { Flow } from './servers/flow-control.js'
import type { JobListener } from './servers/submission.js'

/** Records the handle of a job that is watched, and passes everything on. */
export class WatchedListener implements JobListener {
  readonly #listener: JobListener
  readonly #message: SubmitMessage

  constructor(listener: JobListener, message: SubmitMessage) {
    this.#listener = listener
    this.#message = message
  }

  created(handle: string): void {
    this.#message.handle = handle
    this.#listener.created(handle)
  }

  data(chunk: Buffer, flow: Flow): void {
    this.#listener.data(chunk, flow)
  }

  status(numerator: number, denominator: number): void {
    this.#listener.status(numerator, denominator)
  }

  warning(text: Buffer): void {
    this.#listener.warning(text)
  }

  complete(result: Buffer, handle: string): void {
    this.#listener.complete(result, handle)
  }

  failed(reason: unknown): void {
    this.#listener.failed(reason)
  }
}
