import type { Fault } from '@glammp/wire'
import {
  AuthenticationError,
  ClosedError,
  ConnectionError,
  InvalidKeyError,
  type MemcacheError,
  type MemcacheErrorDetails,
  ProtocolError,
  TimeoutError,
} from '../../errors.js'
import { KeyFault, keyText } from '../../key.js'
import { AuthenticationFault } from '../../requests/refusal.js'

/** Turns the internal reason into the error that the caller gets: the only place that does. */
export function failure(fault: Fault, details: MemcacheErrorDetails): MemcacheError {
  const { command = 'the connection', key, server } = details
  const what = key === undefined ? command : `${command} ${keyText(key)}`
  const message = `${what} on ${server}: ${fault.message}`
  const known = { ...details, cause: fault.cause ?? fault }
  if (fault instanceof AuthenticationFault) return new AuthenticationError(message, known)
  if (fault instanceof KeyFault) return new InvalidKeyError(message, known)
  switch (fault.kind) {
    case 'timeout':
      return new TimeoutError(message, known)
    case 'garbled':
      return new ProtocolError(message, known)
    case 'closed':
      return new ClosedError(message, known)
    default:
      return new ConnectionError(message, known)
  }
}
