/** What a child process is told to measure. */
export interface Scenario {
  readonly operation: 'get' | 'set' | 'mix' | 'getMany' | 'wrap' | 'do' | 'doBackground'
  /** Calls in flight. */
  readonly concurrency: number
  /** Bytes of a value or workload. */
  readonly size: number
  /** Objects of about that size in place of text. */
  readonly objects?: boolean
  /** Buffers in place of text. */
  readonly buffers?: boolean
  /** What `wrap` is told beside a ttl. */
  readonly wrap?: { readonly stale?: number; readonly tags?: readonly string[] } | undefined
  /** Different keys; 100 unless said. */
  readonly keys?: number
}

/** What a child process is started with. */
export interface Order {
  readonly subject: string
  readonly scenario: Scenario
  readonly servers: readonly string[]
  /** Tells the keys of one child from those of another; one character. */
  readonly mark: string
  /** Checkout whose packages are measured, where they are ours; this one unless said. */
  readonly checkout?: string | undefined
}

/** One turn of a child process. */
export interface Turn {
  /** Milliseconds to measure, after a quarter of that to warm up. */
  readonly milliseconds: number
  /** Calls a second, spread evenly; as many as possible unless said. */
  readonly rate?: number | undefined
}

/** What it found. */
export interface Measurement {
  /** Operations a second. */
  readonly throughput: number
  /** Microseconds of processor time of the client process an operation. */
  readonly cpu: number
  /** Milliseconds; 0 where calls are not timed (raw sockets). */
  readonly p50: number
  readonly p99: number
}

/** Measures one turn; nothing is in flight before and after it. */
export type Measure = (turn: Turn) => Promise<Measurement>

/** Keys of one length, so that requests built beforehand have one length too. */
export function keyNames(count: number, mark: string): string[] {
  const width = String(count - 1).length
  return Array.from({ length: count }, (_, at) => `key:${mark}:${String(at).padStart(width, '0')}`)
}

/** The value of every key: text, a Buffer, or an object of about as many bytes of JSON. */
export function sampleValue({ size, objects, buffers }: Scenario): unknown {
  if (buffers) return Buffer.alloc(size, 'v')
  if (!objects) return 'v'.repeat(size)
  const rows = Math.max(1, Math.round((size - 60) / 48))
  return {
    id: 12_345,
    name: 'O Ivo Andava De Patins',
    rows: Array.from({ length: rows }, (_, row) => ({
      row,
      title: `title ${row}`,
      on: row % 2 === 0,
      at: row * 1.5,
    })),
  }
}
