import { EncodeError } from '../errors.js'
import { type Key, keyText } from '../key.js'
import type { Encoded } from '../values/serializer.js'
import type { Transcoder } from '../values/transcoder.js'

/**
 * A value as it is stored under a key.
 *
 * @throws EncodeError that names the key; TypeError for a value that cannot be stored.
 */
export function encodeFor(
  transcoder: Transcoder,
  command: string,
  key: Key,
  value: unknown,
): Encoded {
  let encoded: Encoded
  try {
    encoded = transcoder.encode(value)
  } catch (error) {
    throw named(error, command, key)
  }
  if (encoded.later === undefined) return encoded
  const later = encoded.later.catch((error: unknown) => {
    throw named(error, command, key)
  })
  // A call that is refused for another reason does not wait for it.
  later.catch(() => {})
  return { ...encoded, later }
}

/** The same error, with what it happened to. */
export function named(error: unknown, command: string, key: Key): unknown {
  if (!(error instanceof EncodeError)) return error
  const { message, cause } = error
  return new EncodeError(`${command} ${keyText(key)}: ${message}`, { command, key, cause })
}
