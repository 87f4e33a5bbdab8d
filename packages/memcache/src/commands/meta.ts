import { isUint8Array } from 'node:util/types'
import { shown, wrong } from '@glammp/wire'
import type { CommandContext } from '../dispatch/context.js'
import { type CallOptions, checkCall, route, routeNow } from '../dispatch/route.js'
import { ValueTooLargeError } from '../errors.js'
import { isBinary, type Key, keyText } from '../key.js'
import { overtakeLoad } from '../leases/guard.js'
import { storeHead } from '../protocol/meta/lines.js'
import { type MetaReply, MetaRequest } from '../requests/meta-request.js'
import { encodeText } from '../values/serializer.js'

/** Letters with their tokens, separated by one space; neither `b` nor `q`. */
const FLAGS = /^(?:[A-Zac-pr-z][!-~]*(?: [A-Zac-pr-z][!-~]*)*)?$/

/**
 * The meta commands with flags of your choice, for what has no method of its own. Flags are those
 * of memcached's `protocol.txt`, as one string (`'v t c'`); a server may silently ignore what it
 * does not know (1.6.18 does so with `mg C`). `q` and `b` are refused: a quiet command has no reply
 * to wait for, and keys are encoded by this client; `k` is refused for a key of bytes that are not
 * text. Values are bytes as they are stored.
 */
export class Meta {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  /** `mg`: reads an item and what is known of it. */
  get(key: Key, flags = 'v', options?: CallOptions): Promise<MetaReply> {
    return this.#send('mg', key, flags, undefined, options)
  }

  /** `ms`: stores bytes as they are, or text as UTF-8. */
  set(key: Key, value: string | Uint8Array, flags = '', options?: CallOptions): Promise<MetaReply> {
    return this.#send('ms', key, flags, value, options)
  }

  /** `md`: deletes an item or marks it stale. */
  delete(key: Key, flags = '', options?: CallOptions): Promise<MetaReply> {
    return this.#send('md', key, flags, undefined, options)
  }

  /** `ma`: counts. */
  arithmetic(key: Key, flags = 'v', options?: CallOptions): Promise<MetaReply> {
    return this.#send('ma', key, flags, undefined, options)
  }

  async #send(
    command: string,
    key: Key,
    flags: string,
    value: unknown,
    options: CallOptions | undefined,
  ): Promise<MetaReply> {
    checkCall(`meta ${command}`, options)
    const wireKey = this.#context.keys.toWire(key, `meta ${command}`)
    checkFlags(command, flags)
    // memcached (1.6.18) returns the key of an item that was stored over the binary protocol
    // unencoded: line ends in it would be taken for replies to other commands.
    if (isBinary(wireKey) && / k/.test(` ${flags}`)) {
      throw new TypeError('the meta flag k is refused for a key of bytes that are not text')
    }
    const block = command === 'ms' ? this.#block(key, value) : undefined
    const head = block === undefined ? `${command} ${wireKey}` : storeHead(wireKey, block.length)
    const line = flags === '' ? head : `${head} ${flags}`
    const request = (): MetaRequest => new MetaRequest(`meta ${command}`, key, wireKey, line, block)
    const touches = command === 'mg' && / T/.test(` ${flags}`)
    if (command !== 'md' && !touches) return route(this.#context, wireKey, request(), options)
    let reply: MetaReply | undefined
    const send = async (call: CallOptions | undefined): Promise<boolean> => {
      const next = await routeNow(this.#context, wireKey, request(), call)
      if (reply?.status !== 'found') reply = next
      return next.status === 'found'
    }
    // With a cas token it is about one item, and no other.
    const onlyIfFound = touches || / C/.test(` ${flags}`)
    const change = { command: `meta ${command}`, key, wireKey, send, onlyIfFound }
    await overtakeLoad(this.#context, change, options)
    return reply as unknown as MetaReply
  }

  #block(key: Key, value: unknown): string | Uint8Array {
    if (typeof value !== 'string' && !isUint8Array(value)) {
      throw new TypeError(wrong('the value of meta ms', 'a string or bytes', value))
    }
    // A copy: the caller may use its memory again before the bytes are sent.
    const block = typeof value === 'string' ? encodeText(value) : new Uint8Array(value)
    const { maxValueSize } = this.#context
    if (block.length <= maxValueSize) return block
    throw new ValueTooLargeError(
      `meta ms ${keyText(key)}: the value has ${block.length} bytes, maxValueSize is ${maxValueSize}`,
      { command: 'meta ms', key },
    )
  }
}

// If the server refused the command of a value, that would end the connection and the other calls
// on it.
function checkFlags(command: string, flags: string): void {
  if (typeof flags !== 'string' || !FLAGS.test(flags)) {
    throw new TypeError(
      `meta flags are letters with their tokens, without q and b; not ${shown(flags)}`,
    )
  }
  const seen = new Set<string>()
  for (const flag of flags === '' ? [] : flags.split(' ')) {
    const letter = flag.charAt(0)
    const token = flag.slice(1)
    if (seen.has(letter)) throw new TypeError(`the meta flag ${letter} is given twice`)
    seen.add(letter)
    const range = RANGES.get(letter)
    if (letter === 'M' && MODES.get(command)?.test(token) === false) {
      throw new TypeError(`the meta flag M has no mode ${shown(token)} in ${command}`)
    }
    if (letter === 'O' && token.length > LONGEST_OPAQUE) {
      throw new RangeError(`the token of the meta flag O has at most ${LONGEST_OPAQUE} characters`)
    }
    if (range === undefined) continue
    if (!/^-?\d{1,20}$/.test(token)) {
      throw new TypeError(
        `the token of the meta flag ${letter} is a whole number; not ${shown(token)}`,
      )
    }
    const [least, most] = range
    if (BigInt(token) < least || BigInt(token) > most) {
      throw new RangeError(`the token of the meta flag ${letter} is from ${least} to ${most}`)
    }
  }
}

type Range = readonly [least: bigint, most: bigint]

const UINT64: Range = [0n, 2n ** 64n - 1n]
const UINT32: Range = [0n, 2n ** 32n - 1n]
const INT32: Range = [-(2n ** 31n), 2n ** 31n - 1n]

/** The range of the number after a letter. */
const RANGES: ReadonlyMap<string, Range> = new Map([
  ['C', UINT64],
  ['D', UINT64],
  ['E', UINT64],
  ['J', UINT64],
  ['F', UINT32],
  ['N', INT32],
  ['R', INT32],
  ['T', INT32],
])

const MODES: ReadonlyMap<string, RegExp> = new Map([
  ['ms', /^[EAPRS]$/i],
  ['ma', /^[ID+-]$/i],
])

const LONGEST_OPAQUE = 31
