import type { Socket } from 'node:net'

/** What happens to the bytes on their way in one direction; changes apply to later bytes. */
export interface PipeFaults {
  /** Milliseconds that every chunk is late. */
  delay: number
  /** Up to so many milliseconds more, drawn for each chunk; the order of bytes stays. */
  jitter: number
  /** Bytes a millisecond that pass; 0 for as many as come. */
  rate: number
  /** Bytes stay where they are until this is false again. */
  stalled: boolean
  /** Bytes are forwarded in pieces of this size, each a write of its own; 0 for as they come. */
  pieces: number
  /** So many bytes still pass, of all connections together, then the connection is cut; once. */
  cutAfter: number | undefined
  /** Changes the bytes of a chunk, or replaces them by others; an empty result drops them. */
  corrupt: ((chunk: Buffer) => Buffer) | undefined
}

export const noFaults = (): PipeFaults => ({
  delay: 0,
  jitter: 0,
  rate: 0,
  stalled: false,
  pieces: 0,
  cutAfter: undefined,
  corrupt: undefined,
})

export interface PipeOwner {
  /** Called with the bytes that came in. */
  count(bytes: number): void
  /** The connection is cut, once what may pass has left. */
  cut(): void
}

const keepsBack = ({ delay, jitter, rate }: PipeFaults): boolean =>
  delay > 0 || jitter > 0 || rate > 0

interface Item {
  readonly due: number
  readonly chunk: Buffer | undefined
}

/** One direction of one connection: bytes from `source` to `target`, with faults. */
export class ProxyPipe {
  readonly #source: Socket
  readonly #target: Socket
  readonly #faults: PipeFaults
  /** In the order of arrival; an item without a chunk is the end of the stream. */
  readonly #queue: Item[] = []
  readonly #owner: PipeOwner
  #timer: NodeJS.Timeout | undefined
  #lastDue = 0
  #writing = false
  #stopped = false

  constructor(source: Socket, target: Socket, faults: PipeFaults, owner: PipeOwner) {
    this.#owner = owner
    this.#source = source
    this.#target = target
    this.#faults = faults
    source.on('data', (chunk) => {
      owner.count(chunk.length)
      this.#add(chunk)
    })
    source.on('end', () => this.#enqueue(undefined))
    // A source that has closed has still sent what waits here, its end included; what comes for a
    // target that has closed goes nowhere, but it is read to its end.
    target.on('close', () => {
      this.stop()
      source.resume()
    })
    this.pump()
  }

  /** Forwards what may go now; called again when the faults change. */
  pump(): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    if (this.#faults.stalled) {
      // Unread bytes fill the sockets' buffers, as those for a server that hangs do.
      this.#source.pause()
      return
    }
    // What does not pass yet is left to those who send it.
    if (this.#faults.rate > 0 && this.#queue.length > 0) this.#source.pause()
    else this.#source.resume()
    const item = this.#queue[0]
    if (item === undefined || this.#writing) return
    // What was held back goes with the fault that held it.
    const early = keepsBack(this.#faults) ? item.due - performance.now() : 0
    if (early > 0) {
      this.#timer = setTimeout(() => this.pump(), early)
      return
    }
    this.#queue.shift()
    this.#forward(this.#joined(item.chunk))
  }

  /** Forwards nothing any more, and reads nothing. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #add(chunk: Buffer): void {
    const { pieces, corrupt } = this.#faults
    const bytes = corrupt === undefined ? chunk : corrupt(chunk)
    const size = pieces > 0 ? pieces : bytes.length
    for (let start = 0; start < bytes.length; start += size) {
      this.#enqueue(bytes.subarray(start, start + size))
    }
  }

  #enqueue(chunk: Buffer | undefined): void {
    const { delay, jitter, rate } = this.#faults
    if (!keepsBack(this.#faults)) this.#lastDue = 0
    const due = performance.now() + delay + Math.random() * jitter
    this.#lastDue = Math.max(this.#lastDue, due)
    if (rate > 0) this.#lastDue += (chunk?.length ?? 0) / rate
    this.#queue.push({ due: this.#lastDue, chunk })
    this.pump()
  }

  /** What was held back in pieces goes on as one. */
  #joined(chunk: Buffer | undefined): Buffer | undefined {
    if (chunk === undefined || keepsBack(this.#faults) || this.#faults.pieces > 0) return chunk
    const end = this.#queue.findIndex((item) => item.chunk === undefined)
    const waiting = this.#queue.splice(0, end === -1 ? this.#queue.length : end)
    return Buffer.concat([chunk, ...waiting.map((item) => item.chunk ?? Buffer.alloc(0))])
  }

  #forward(chunk: Buffer | undefined): void {
    if (chunk === undefined) {
      this.#target.end()
      return
    }
    this.#writing = true
    const { cutAfter = Infinity } = this.#faults
    if (chunk.length >= cutAfter) {
      this.#faults.cutAfter = undefined
      this.#target.write(chunk.subarray(0, cutAfter), () => this.#owner.cut())
      return
    }
    if (cutAfter < Infinity) this.#faults.cutAfter = cutAfter - chunk.length
    const next = (): void => {
      this.#writing = false
      this.pump()
    }
    // A reader in this process must have had its turn, or it would read two pieces as one chunk:
    // the first immediate may still belong to the turn that wrote.
    this.#target.write(chunk, () => setImmediate(() => setImmediate(next)))
  }
}
