/** What a child process is told to measure. */
export interface Scenario {
  readonly operation: 'get' | 'set' | 'mix' | 'getMany' | 'do' | 'doBackground'
  /** Calls in flight. */
  readonly concurrency: number
  /** Bytes of a value or workload. */
  readonly size: number
  /** Objects of about that size in place of text. */
  readonly objects?: boolean
  /** Different keys; 100 unless said. */
  readonly keys?: number
  /** Calls a second, spread evenly; as many as possible unless said. */
  readonly rate?: number
}

/** One order to a child process. */
export interface Order {
  readonly subject: string
  readonly scenario: Scenario
  readonly servers: readonly string[]
  /** Milliseconds to measure, after a quarter of that to warm up. */
  readonly milliseconds: number
}

/** What it found. */
export interface Measurement {
  /** Operations a second. */
  readonly throughput: number
  /** Microseconds of processor time of the client process an operation. */
  readonly cpu: number
  /** Milliseconds; 0 where single calls are not timed. */
  readonly p50: number
  readonly p99: number
}

/** Keys of one length, so that requests built beforehand have one length too. */
export function keyNames(count: number): string[] {
  const width = String(count - 1).length
  return Array.from({ length: count }, (_, index) => `key:${String(index).padStart(width, '0')}`)
}

/** The value of every key: text, or an object of about as many bytes of JSON. */
export function sampleValue({ size, objects }: Scenario): unknown {
  if (!objects) return 'v'.repeat(size)
  const rows = Math.max(1, Math.round((size - 60) / 60))
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
