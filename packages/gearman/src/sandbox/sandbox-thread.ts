import { messageOf } from '@glammp/wire'
import type { CodecOption } from '../codec.js'
import { codecOf, encodeWith } from '../codec.js'
import { type GearmanError, JobFailure } from '../errors.js'
import { GearmanJob, type JobChannel } from '../job.js'
import type { PacketType } from '../protocol/packet.js'
import {
  detached,
  type HostMessage,
  packError,
  type ThreadJob,
  type ThreadMessage,
  unpackError,
} from './exchange.js'
import { findHandler } from './handler-module.js'

/** Connects a handler in this thread with the worker in the main one. */
class PortChannel implements JobChannel {
  readonly #port: ThreadJob['port']
  readonly #controller: AbortController = new AbortController()
  readonly #answers: Map<number, (sent: boolean) => void> = new Map()
  #next = 0
  #closed = false

  constructor(port: ThreadJob['port']) {
    this.#port = port
    port.on('message', (message: HostMessage) => {
      if (message.kind === 'abort') {
        this.#controller.abort(unpackError(message.reason))
        return
      }
      this.#answers.get(message.id)?.(message.sent)
      this.#answers.delete(message.id)
    })
    // The worker has closed the job's port.
    port.on('close', () => {
      this.#closed = true
      for (const answer of this.#answers.values()) answer(false)
      this.#answers.clear()
    })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  report(
    type: PacketType,
    args: string | undefined,
    data: string | Uint8Array | undefined,
  ): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false)
    const id = this.#next++
    return new Promise((resolve) => {
      this.#answers.set(id, resolve)
      this.post({ kind: 'send', id, type, args, data: data && detached(data) })
    })
  }

  finish(type: PacketType, data: string | Uint8Array | undefined): Promise<boolean> {
    return this.report(type, undefined, data)
  }

  unsent(error: GearmanError): void {
    this.post({ kind: 'unsent', error: packError(error) })
  }

  post(message: ThreadMessage): void {
    this.#port.postMessage(message)
  }
}

/** Runs one job; the pool calls it in a thread. Its outcome is sent on the job's own port. */
export async function run(given: ThreadJob): Promise<void> {
  const { module, handle, functionName, unique, reducer, traceContext, workload } = given
  const channel = new PortChannel(given.port)
  const codec = codecOf(given.codec as CodecOption)
  const bytes = Buffer.from(workload.buffer, workload.byteOffset, workload.byteLength)
  const details = { handle, functionName, unique, reducer, traceContext, workload: bytes }
  const job = new GearmanJob<unknown>(details, codec, channel)
  let end: ThreadMessage
  try {
    const handler = findHandler(await import(module), functionName, module)
    const value = await handler(job)
    end = { kind: 'returned', data: detached(encodeWith(codec, value, functionName)) }
  } catch (error) {
    end =
      error instanceof JobFailure
        ? { kind: 'failed' }
        : { kind: 'threw', message: messageOf(error) }
  }
  // Nothing is sent about it after its end.
  job.judgeRefusals()
  channel.post(end)
}
