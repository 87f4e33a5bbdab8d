import { latin1 } from '@glammp/wire'
import { DecodeError } from '../errors.js'
import { type Encoded, MARKED } from './serializer.js'
import type { Transcoder } from './transcoder.js'
import type { ItemReader } from './value-decoder.js'

/**
 * Marks in the client flags of items that `wrap` stores, above all bits that serializers use.
 * Readers that do not know them see the value, except with HEADED.
 */
const Mark = {
  /**
   * The only flags of a value without bytes and flags of its own, to tell it from a stub of `mg N`.
   */
  EMPTY: 1 << 28,
  /** Stands for `undefined`; stored as null. */
  UNDEFINED: 1 << 29,
  /** A header precedes the value. */
  HEADED: 1 << 30,
} as const
const MARKS: number = Mark.EMPTY | Mark.UNDEFINED | Mark.HEADED
/** The flags as written: PHP stores null with any user flags of its own. */
const UNDEFINED: number = Mark.UNDEFINED | MARKED

/** Opens the header: flags of other clients may have the mark's bit for other reasons. */
const MAGIC = 0x00_67_77_32
/** The same, if the value's own flags have the bit of the mark. */
const MAGIC_OF_MARKED = 0x00_67_77_33
const EXPIRY_AT = 4
const STALE_AT = 8
const FINGERPRINT_AT = 12
const HEADER = 24

/** Fingerprint of a value that has no tags. */
export const NO_TAGS: string = '\0'.repeat(HEADER - FINGERPRINT_AT)

/** What `wrap` keeps with a value. */
export interface Notes {
  /** Unix time in seconds from which on the value should be computed anew; 0: as long as it lives. */
  readonly expiry: number
  /** Seconds of the item's lifetime after its own end. */
  readonly stale: number
  /** Twelve one-byte characters that stand for the tags and their versions. */
  readonly fingerprint: string
}

/** An item as `wrap` reads it. */
export class WrappedItem implements Notes {
  expiry = 0
  stale = 0
  fingerprint: string = NO_TAGS
  /** False if the transcoder cannot decode the bytes. */
  readable = false
  value: unknown = undefined
}

/**
 * A transcoder that reads what `wrap` has stored as well: a remembered `undefined` as null, a value
 * with a header without it. It encodes like the other one.
 */
export class Envelope implements Transcoder {
  readonly #inner: Transcoder
  /** Flags of null; -1 if it cannot be stored. */
  readonly #nullFlags: number
  #lastFingerprint = NO_TAGS

  constructor(inner: Transcoder) {
    this.#inner = inner
    this.#nullFlags = nullFlags(inner)
  }

  encode(value: unknown): Encoded {
    return this.#inner.encode(value)
  }

  encodePiece(value: unknown): string | Uint8Array {
    return this.#inner.encodePiece(value)
  }

  decode(flags: number, bytes: Buffer, start: number, end: number, reader?: ItemReader): unknown {
    if ((flags & MARKS) === 0) return this.#inner.decode(flags, bytes, start, end, reader)
    const headed = isHeaded(flags, bytes, start, end)
    const from = headed ? start + HEADER : start
    // A mark in the flags of another client's item is not ours.
    let plain = headed ? unheaded(flags, bytes, start) : flags
    if (this.#isUndefined(plain)) plain = this.#nullFlags
    if (from === end && plain === Mark.EMPTY) plain = 0
    return this.#inner.decode(plain >>> 0, bytes, from, end, reader)
  }

  /**
   * A value for `wrap` to store: {@link unseal} gives it back, also `undefined`.
   *
   * @param fit - puts a value that is too large for an item elsewhere.
   */
  async seal(
    value: unknown,
    notes: Notes,
    fit?: ((encoded: Encoded) => Promise<Encoded>) | undefined,
  ): Promise<Encoded> {
    const first = this.#inner.encode(value === undefined ? null : value)
    const whole = first.later === undefined ? first : await first.later
    const { data, flags: plain } = fit === undefined ? whole : await fit(whole)
    const flags = value === undefined ? plain | UNDEFINED : plain
    if (notes.expiry === 0 && notes.fingerprint === NO_TAGS) {
      return { data, flags: data.length === 0 && flags === 0 ? Mark.EMPTY : flags >>> 0 }
    }
    const bytes = Buffer.allocUnsafe(HEADER + data.length)
    bytes.writeUInt32BE((flags & Mark.HEADED) === 0 ? MAGIC : MAGIC_OF_MARKED, 0)
    bytes.writeUInt32BE(notes.expiry, EXPIRY_AT)
    bytes.writeUInt32BE(notes.stale, STALE_AT)
    bytes.write(notes.fingerprint, FINGERPRINT_AT, 'latin1')
    if (typeof data === 'string') bytes.write(data, HEADER, 'latin1')
    else bytes.set(data, HEADER)
    return { data: bytes, flags: (flags | Mark.HEADED) >>> 0 }
  }

  /** Reads what {@link seal} or any other writer stored. */
  unseal(
    flags: number,
    bytes: Buffer,
    start: number,
    end: number,
    reader?: ItemReader,
  ): WrappedItem | Promise<WrappedItem> {
    const item = new WrappedItem()
    let isUndefined = false
    if ((flags & MARKS) !== 0) {
      const headed = isHeaded(flags, bytes, start, end)
      if (headed) {
        item.expiry = bytes.readUInt32BE(start + EXPIRY_AT)
        item.stale = bytes.readUInt32BE(start + STALE_AT)
        item.fingerprint = this.#fingerprint(bytes, start + FINGERPRINT_AT)
      }
      isUndefined = this.#isUndefined(headed ? unheaded(flags, bytes, start) : flags)
    }
    try {
      const value = this.decode(flags, bytes, start, end, reader)
      if (value instanceof Promise) return openedLater(item, value, isUndefined)
      return opened(item, value, isUndefined)
    } catch (error) {
      return garbage(item, error)
    }
  }

  // Items of the same tags follow one another, and comparing costs less than a new text.
  #fingerprint(bytes: Buffer, start: number): string {
    const last = this.#lastFingerprint
    for (let at = 0; at < last.length; at += 1) {
      if (bytes[start + at] === last.charCodeAt(at)) continue
      this.#lastFingerprint = latin1(bytes, start, start + last.length)
      break
    }
    return this.#lastFingerprint
  }

  #isUndefined(flags: number): boolean {
    return this.#nullFlags !== -1 && flags >>> 0 === (this.#nullFlags | UNDEFINED) >>> 0
  }
}

// Functions instead of closures: those would cost every hit of `wrap`.
/** @param isUndefined - the value is `undefined`, as which null was stored. */
function opened(item: WrappedItem, value: unknown, isUndefined: boolean): WrappedItem {
  // Else a chunk of the value is missing.
  item.readable = value !== undefined
  item.value = isUndefined ? undefined : value
  return item
}

function openedLater(
  item: WrappedItem,
  value: Promise<unknown>,
  isUndefined: boolean,
): Promise<WrappedItem> {
  return value.then(
    (known) => opened(item, known, isUndefined),
    (error) => garbage(item, error),
  )
}

/** @throws any error that is not a DecodeError. */
function garbage(item: WrappedItem, error: unknown): WrappedItem {
  if (!(error instanceof DecodeError)) throw error
  return item
}

// With a transcoder that has no null, or that uses the mark in its own flags, no flags stand for
// undefined.
function nullFlags(transcoder: Transcoder): number {
  try {
    const { flags } = transcoder.encode(null)
    return (flags & UNDEFINED) === UNDEFINED ? -1 : flags
  } catch {
    return -1
  }
}

function isHeaded(flags: number, bytes: Buffer, start: number, end: number): boolean {
  const marked = (flags & Mark.HEADED) !== 0 && end - start >= HEADER
  return marked && (bytes.readUInt32BE(start) & ~1) === (MAGIC & ~1)
}

/** The flags of the value after a header. */
function unheaded(flags: number, bytes: Buffer, start: number): number {
  return bytes.readUInt32BE(start) === MAGIC ? flags & ~Mark.HEADED : flags
}
