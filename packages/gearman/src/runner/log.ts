import type { JobEnd } from '@glammp/gearman'
import { messageOf } from '@glammp/wire'
import type { LogFormat } from './command-line.js'
import { printable, shortened } from './printable.js'

/** The subject of a line, besides its text. */
type Facts = Readonly<Record<string, string | number | undefined>>

const RED = 31
const GREEN = 32
const YELLOW = 33

/** One line for each job, and for other events that an operator needs to know. */
export class Log {
  readonly #format: LogFormat
  readonly #process: number | undefined
  readonly #colours: boolean
  readonly #write: (line: string) => void

  /** @param number - of this process among several. */
  constructor(format: LogFormat, number: number | undefined, write: (line: string) => void) {
    this.#format = format
    this.#process = number
    this.#write = write
    this.#colours = process.stdout.isTTY === true && !process.env['NO_COLOR']
  }

  job(end: JobEnd): void {
    const { function: name, handle, outcome, error } = end
    const duration = Math.round(end.duration * 10) / 10
    const reason = error === undefined ? undefined : shortened(messageOf(error))
    const good = outcome === 'complete'
    const level = good ? 'info' : 'warn'
    if (this.#format === 'json') {
      this.#json(level, 'job', { function: name, handle, outcome, duration, error: reason })
      return
    }
    const rest = ` ${name} ${duration} ms ${handle}${reason === undefined ? '' : `: ${reason}`}`
    this.#pretty(this.#colour(good ? GREEN : RED, outcome) + printable(rest))
  }

  info(event: string, words: string, facts: Facts = {}): void {
    if (this.#format === 'json') this.#json('info', event, { message: words, ...facts })
    else this.#pretty(printable(words))
  }

  warn(event: string, words: string, facts: Facts = {}): void {
    if (this.#format === 'json') this.#json('warn', event, { message: words, ...facts })
    else this.#pretty(this.#colour(YELLOW, printable(words)))
  }

  error(event: string, words: string, facts: Facts = {}): void {
    if (this.#format === 'json') this.#json('error', event, { message: words, ...facts })
    else this.#pretty(this.#colour(RED, printable(words)))
  }

  #json(level: string, event: string, facts: Facts): void {
    const time = new Date().toISOString()
    const line = { time, level, event, process: this.#process, ...facts }
    this.#write(printable(JSON.stringify(line)))
  }

  #pretty(words: string): void {
    const who = this.#process === undefined ? '' : ` [${this.#process}]`
    this.#write(`${new Date().toISOString().slice(11, 23)}${who} ${words}`)
  }

  #colour(code: number, text: string): string {
    return this.#colours ? `\u001b[${code}m${text}\u001b[0m` : text
  }
}
