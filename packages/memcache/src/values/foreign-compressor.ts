import { isUint8Array } from 'node:util/types'
import { isThenable, shown, wrong } from '@glammp/wire'
import { DecodeError, EncodeError } from '../errors.js'
import type { Compressor } from './compressor.js'

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
