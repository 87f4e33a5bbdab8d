import type { JobEnd } from '@glammp/gearman'
import type { LogFormat } from './command-line.js'

/** What a line is about, beside its words. */
type Facts = Readonly<Record<string, string | number | undefined>>

const RED = 31
const GREEN = 32
const YELLOW = 33

/** One line for each job, and for what else an operator wants to know. */
export class Log {
  readonly #format: LogFormat
  readonly #process: number | undefined
  readonly #colours: boolean
  readonly #write: (line: string) => void

  /** @param number Of this process among several. */
  constructor(format: LogFormat, number: number | undefined, write: (line: string) => void) {
    this.#format = format
    this.#process = number
    this.#write = write
    this.#colours = process.stdout.isTTY === true && !process.env['NO_COLOR']
  }

  job(end: JobEnd): void {
    const { function: name, handle, outcome, error } = end
    const duration = Math.round(end.duration * 10) / 10
    const reason = error === undefined ? undefined : messageOf(error)
    const good = outcome === 'complete'
    this.#line(
      good ? 'info' : 'warn',
      'job',
      `${this.#colour(good ? GREEN : RED, outcome)} ${name} ${duration} ms ${handle}${reason === undefined ? '' : `: ${reason}`}`,
      { function: name, handle, outcome, duration, error: reason },
    )
  }

  info(event: string, words: string, facts: Facts = {}): void {
    this.#line('info', event, words, facts)
  }

  warn(event: string, words: string, facts: Facts = {}): void {
    this.#line('warn', event, this.#colour(YELLOW, words), facts, words)
  }

  error(event: string, words: string, facts: Facts = {}): void {
    this.#line('error', event, this.#colour(RED, words), facts, words)
  }

  #line(level: string, event: string, pretty: string, facts: Facts, message?: string): void {
    const time = new Date().toISOString()
    if (this.#format === 'json') {
      const words = event === 'job' ? {} : { message: message ?? pretty }
      this.#write(
        JSON.stringify({ time, level, event, process: this.#process, ...words, ...facts }),
      )
      return
    }
    const who = this.#process === undefined ? '' : ` [${this.#process}]`
    // A handler's message may hold lines of its own.
    this.#write(`${time.slice(11, 23)}${who} ${pretty.replaceAll(/\s*\n\s*/g, ' ')}`)
  }

  #colour(code: number, text: string): string {
    return this.#colours ? `\u001b[${code}m${text}\u001b[0m` : text
  }
}

/** What an error says; a thrown value that is no error as text. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
