import { isUint8Array } from 'node:util/types'
import { isThenable, shown, wrong } from '@glammp/wire'
import { DecodeError, EncodeError } from '../errors.js'

/**
 * The half of a transcoder that makes bytes smaller. Bring your own as `compression.algorithm`. It
 * is called only with more bytes than the threshold, and its result is used only if it is smaller;
 * four bytes with the length of the original, which the transcoder adds, precede it.
 */
export interface Compressor {
  /**
   * The bits that mark its values in the flags: one of 0x0810, 0x2010 and 0x4010, which no
   * algorithm of this client has.
   */
  readonly flag: number
  /**
   * Bytes made smaller; a promise if that was done off the thread. What it throws becomes the cause
   * of an EncodeError.
   */
  compress(data: Uint8Array): Uint8Array | Promise<Uint8Array>
  /**
   * The original bytes; it has `length` of them. A compressor must stop there and throw: anybody
   * who can write to the cache may have written a value that expands to gigabytes. What it throws
   * becomes the cause of a DecodeError.
   */
  decompress(data: Uint8Array, length: number): Uint8Array | Promise<Uint8Array>
}

/** Flags that a user's {@link Compressor} may have. 0x1010 marks chunks. */
const FREE_FLAGS: readonly number[] = [0x0810, 0x2010, 0x4010]

/** Makes an error for a failure. */
type Failure = (message: string, cause?: unknown) => Error

const encoding: Failure = (message, cause) =>
  new EncodeError(`compress of the Compressor ${message}`, { cause })
const decoding: Failure = (message, cause) =>
  new DecodeError(`decompress of the Compressor ${message}`, { cause })

/**
 * A user's Compressor, whose results are not trusted: they become bytes that nobody else writes to,
 * or a promise of them, and what it throws becomes an error that names it.
 *
 * @throws TypeError if it is not a Compressor.
 */
export function foreignCompressor(given: Compressor): Compressor {
  const { flag } = given
  if (!FREE_FLAGS.includes(flag)) {
    const free = FREE_FLAGS.map((each) => `0x${each.toString(16)}`).join(', ')
    throw new TypeError(wrong('flag of a Compressor', `one of ${free}`, flag))
  }
  if (typeof given.compress !== 'function' || typeof given.decompress !== 'function') {
    throw new TypeError('a Compressor has the methods compress and decompress')
  }
  return {
    flag,
    // If the result is not smaller, the original is stored: so it gets a copy, which it may write
    // to.
    compress: (data) => asked(() => given.compress(Buffer.from(data)), encoding),
    decompress: (data, length) =>
      asked(() => given.decompress(Buffer.from(data), length), decoding),
  }
}

function asked(ask: () => unknown, failure: Failure): Uint8Array | Promise<Uint8Array> {
  try {
    const result = ask()
    if (!isThenable(result)) return ownBytes(result, failure)
    return Promise.resolve(result).then(
      (bytes) => ownBytes(bytes, failure),
      (cause: unknown) => {
        throw failed(cause, failure)
      },
    )
  } catch (cause) {
    throw failed(cause, failure)
  }
}

// A copy: it may use its buffer again.
function ownBytes(result: unknown, failure: Failure): Uint8Array {
  if (isUint8Array(result)) return Buffer.from(result)
  throw failure(`gave ${shown(result)} in place of bytes`)
}

function failed(cause: unknown, failure: Failure): unknown {
  return cause instanceof EncodeError || cause instanceof DecodeError
    ? cause
    : failure('failed', cause)
}
