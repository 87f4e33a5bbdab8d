import { asciiLower, cHash, cInt, cString, inTableOrder } from './c-text.js'
import { PRIORITIES } from './job.js'
import type { Jobs } from './jobs.js'
import type { Session } from './session.js'

/** Words of a line, of which each includes what is between it and the next. */
type Words = readonly string[]

const MOST_WORDS = 5
const OK = 'OK\r\n'

/** Answers the lines of the text protocol. */
export class AdminText {
  readonly #jobs: Jobs
  readonly #sessions: () => readonly Session[]

  /** @param sessions - those that are open, the newest first. */
  constructor(jobs: Jobs, sessions: () => readonly Session[]) {
    this.#jobs = jobs
    this.#sessions = sessions
  }

  /** @returns `undefined` for a line on which gearmand ends the connection. */
  answer(line: string): string | undefined {
    const words = wordsOf(line)
    return words.length > MOST_WORDS ? undefined : this.#answer(words)
  }

  #answer(words: Words): string {
    const [command, ...args] = words.map((word) => asciiLower(cString(word)))
    switch (command) {
      case 'version':
        return 'OK 1.1.20\n'
      case 'getpid':
        return `OK ${process.pid}\n`
      case 'verbose':
        return 'OK ERROR\n'
      case 'status':
        return this.#status()
      case 'prioritystatus':
        return this.#priorityStatus()
      case 'workers':
        return this.#workers()
      case 'show':
        return args.length === 0 ? unknown(words) : this.#show(args)
      case 'cancel':
        return args.length < 2 ? unknown(words) : this.#cancel(words, args)
      case 'create':
        return args[0] === 'function' && args.length === 2 ? this.#create(words) : unfinished(words)
      case 'drop':
        return args[0] === 'function' && args.length === 2 ? this.#drop(words) : unfinished(words)
      case 'maxqueue':
        return args.length === 0 ? unfinished(words) : this.#limit(words)
      default:
        return unknown(words)
    }
  }

  #status(): string {
    return list(
      this.#jobs
        .functions()
        .map(({ name, total, running, workers }) => [cString(name), total, running, workers]),
    )
  }

  #priorityStatus(): string {
    return list(
      this.#jobs
        .functions()
        .map((fn) => [
          cString(fn.name),
          ...PRIORITIES.map((priority) => fn.waiting(priority)),
          fn.workers,
        ]),
    )
  }

  #workers(): string {
    return list(
      this.#sessions().map(({ number, host, id, abilities }) => [
        `${number} ${host} ${id} :${abilities.map(({ fn }) => ` ${cString(fn.name)}`).join('')}`,
      ]),
    )
  }

  #show(args: Words): string {
    const what = args.join(' ')
    if (what === 'jobs') {
      return list(
        this.#jobs
          .listed()
          .map(({ handle, retries, isIgnored, isKept }) => [
            handle,
            retries,
            Number(isIgnored),
            Number(isKept),
          ]),
      )
    }
    if (what !== 'unique jobs') return 'ERR UNKNOWN_SHOW_ARGUMENTS\r\n'
    const jobs = inTableOrder(this.#jobs.all, ({ key }) => (key === '' ? 0 : cHash(key)))
    return list(jobs.map(({ unique }) => [unique]))
  }

  #cancel(words: Words, args: Words): string {
    if (args[0] !== 'job' || args.length > 2) return 'ERR UNKNOWN_ERROR\r\n'
    const job = this.#jobs.get(words[2] ?? '')
    if (job === undefined) return 'ERR UNKNOWN_JOB\r\n'
    this.#jobs.cancel(job)
    return OK
  }

  /** gearmand takes it for granted that the line ends with CR and LF: otherwise a letter is missing. */
  #create(words: Words): string {
    this.#jobs.fn((words[2] ?? '').slice(0, -2))
    return OK
  }

  #drop(words: Words): string {
    const wanted = asciiLower(cString(words[2] ?? ''))
    const found = this.#jobs.functions().filter((fn) => asciiLower(cString(fn.name)) === wanted)
    if (found.length === 0) return 'ERR function not found\r\n'
    const answers = found.map((fn) => {
      if (fn.workers > 0 || fn.running > 0) {
        return 'ERR there are still connected workers or executing clients\r\n'
      }
      this.#jobs.drop(fn)
      return OK
    })
    return answers.join('')
  }

  #limit(words: Words): string {
    const [, name = '', ...numbers] = words
    const limits = numbers.map((number) => Math.max(0, cInt(number)))
    for (const fn of this.#jobs.functions()) {
      if (fn.name !== cString(name)) continue
      for (const [index, priority] of PRIORITIES.entries()) {
        fn.maxQueue[priority] = limits[limits.length < 2 ? 0 : index] ?? 0
      }
    }
    return OK
  }
}

/** Cuts a line as gearmand does: CR and LF at its end become NULs, and so does the first of some spaces. */
function wordsOf(line: string): Words {
  const [ending = ''] = /\r?\n$/.exec(line) ?? []
  let rest = line.slice(0, -ending.length) + '\0'.repeat(ending.length)
  const words: string[] = []
  for (;;) {
    const [spaces] = / +/.exec(rest) ?? []
    const start = rest.indexOf(' ')
    if (spaces === undefined) return [...words, rest]
    words.push(`${rest.slice(0, start)}\0${spaces.slice(1)}`)
    rest = rest.slice(start + spaces.length)
  }
}

function list(rows: readonly (readonly (string | number)[])[]): string {
  return `${rows.map((row) => `${row.join('\t')}\n`).join('')}.\n`
}

function unknown([command = '']: Words): string {
  return `ERR UNKNOWN_COMMAND Unknown+server+command${cString(command)}\r\n`
}

function unfinished([command = '']: Words): string {
  const problem = 'An+incomplete+set+of+arguments+was+sent+to+this+command'
  return `ERR INVALID_ARGUMENTS ${problem}+${cString(command)}\r\n`
}
