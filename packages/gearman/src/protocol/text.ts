import { MalformedPacketError } from './packet-decoder.js'

/** An admin command with the form of its answer. */
export interface TextCommand {
  /** The command without its line end, as the text of its bytes. */
  readonly line: string
  /** True for a list, which ends with a line of a full stop; else the answer is one line. */
  readonly list: boolean
  /** True for a list of which a line may be a full stop: another command after it shows its end. */
  readonly fenced?: true
}

/** A refusal: `ERR`, a code, and words with `+` for spaces; some have only words. */
const REFUSAL = /^ERR (?:([A-Z_]+|unknown_command)(?: |$))?(.*)$/

/** A list is refused in one line; its own lines may begin with `ERR ` too, ids of jobs for example. */
const LIST_REFUSAL = /^ERR (UNKNOWN_(COMMAND|SHOW_ARGUMENTS)\b|unknown_command ?$)/

/** The most bytes of a line, and of an answer with its lines: more is not an answer of gearmand. */
const MAX_LINE = 2 ** 24
const MAX_BYTES = 2 ** 26
const MAX_LINES = 2 ** 21

/**
 * The command as gearmand reads it.
 *
 * CRLF always: with a bare LF gearmand 1.1.20 cuts the last letter of `create function`.
 */
export function encodeCommand({ line, fenced }: TextCommand): string {
  return fenced ? `${line}\r\n${FENCE}\r\n` : `${line}\r\n`
}

/** Every server answers it in one line: gearmand with `OK 1.1.20`, Perl's Gearman::Server with `v1.130.1`. */
const FENCE = 'version'
const VERSION = /^(?:OK |(?=v\d+(?:\.\d+)+$))/

/** The version in its answer. @throws {@link MalformedPacketError} */
export function readVersion([line = '']: readonly string[]): string {
  if (!VERSION.test(line)) throw new MalformedPacketError(`not an answer: ${JSON.stringify(line)}`)
  return line.replace(VERSION, '')
}

/** What gearmand says when it refuses a command. */
export interface TextRefusal {
  /** gearmand's own code, for example `UNKNOWN_COMMAND`; `ERR` if it gave none. */
  readonly code: string
  readonly text: string
}

/** The refusal in an answer, `undefined` if it is not a refusal. */
export function readRefusal(
  lines: readonly string[],
  { list }: TextCommand,
): TextRefusal | undefined {
  const [line = ''] = lines
  const match = lines.length === 1 && (!list || LIST_REFUSAL.test(line)) && REFUSAL.exec(line)
  if (!match) return undefined
  return { code: match[1] ?? 'ERR', text: (match[2] ?? '').replaceAll('+', ' ') }
}

/** Lines to answers, however the bytes are cut into chunks. */
export class TextDecoder {
  /** Pieces of a line that has not ended: joined once, however many they are. */
  #rest: string[] = []
  #restLength = 0
  #lines: string[] = []
  #bytes = 0

  /**
   * Reads the next bytes of an answer; its lines once it is whole, else `undefined`. One line
   * stands for a refused list, too.
   *
   * @throws {@link MalformedPacketError}; the decoder is of no use after that.
   */
  push(chunk: Buffer, list: boolean, fenced = false): string[] | undefined {
    const parts = this.#split(chunk)
    if (fenced) return this.#pushFenced(parts.map(withoutReturn))
    for (const [index, part] of parts.entries()) {
      const line = withoutReturn(part)
      const isEnd = list && line === '.'
      if (!isEnd) this.#lines.push(line)
      if (isEnd || !list || (this.#lines.length === 1 && LIST_REFUSAL.test(line))) {
        // One line too many: an id with a line break, or a list with a job named `.`.
        if (index < parts.length - 1 || this.#restLength > 0) {
          throw new MalformedPacketError('more lines came than the command is answered with')
        }
        return this.#take()
      }
    }
    return undefined
  }

  /** The lines that the chunk ends; the rest is kept. */
  #split(chunk: Buffer): string[] {
    const parts = chunk.toString('latin1').split('\n')
    const rest = parts.pop() ?? ''
    if (parts.length > 0) {
      parts[0] = this.#rest.join('') + parts[0]
      this.#rest = []
      this.#restLength = 0
    }
    this.#restLength += rest.length
    if (rest !== '') this.#rest.push(rest)
    this.#bytes += chunk.length
    if (this.#restLength > MAX_LINE) {
      throw new MalformedPacketError(`a line of more than ${MAX_LINE} bytes is not an admin answer`)
    }
    if (this.#bytes > MAX_BYTES || this.#lines.length + parts.length > MAX_LINES) {
      throw new MalformedPacketError(
        `more than ${MAX_BYTES} bytes or ${MAX_LINES} lines are not an admin answer`,
      )
    }
    return parts
  }

  #take(): string[] {
    const lines = this.#lines
    this.#lines = []
    this.#bytes = 0
    return lines
  }

  // Not the first full stop: the last one, before the fence, with nothing after that.
  #pushFenced(parts: readonly string[]): string[] | undefined {
    for (const part of parts) this.#lines.push(part)
    if (this.#restLength > 0) return undefined
    const lines = this.#lines
    const end = lines.at(-2) ?? ''
    const isRefused = lines.length === 2 && LIST_REFUSAL.test(end)
    if (!VERSION.test(lines.at(-1) ?? '') || !(end === '.' || isRefused)) return undefined
    return this.#take().slice(0, isRefused ? 1 : -2)
  }
}

function withoutReturn(part: string): string {
  return part.endsWith('\r') ? part.slice(0, -1) : part
}
