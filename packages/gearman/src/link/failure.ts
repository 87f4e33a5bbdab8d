import type { Fault } from '@glammp/wire'
import {
  ClosedError,
  ConnectionError,
  type GearmanError,
  type GearmanErrorDetails,
  ProtocolError,
  TimeoutError,
} from '../errors.js'

/** The call that was waiting when a fault came. */
export interface ErrorContext extends GearmanErrorDetails {
  /** What the caller asked for: `job title`, `jobStatus`, `ping`. */
  readonly what: string
}

/** The caller's error for what ended a wait: the only place where faults become public errors. */
export function failure(fault: Fault, context: ErrorContext): GearmanError {
  const { what, ...where } = context
  const place = where.server === undefined ? '' : ` on ${where.server}`
  const message = `${what}${place}: ${fault.message}`
  const details = { ...where, cause: fault.cause ?? fault }
  switch (fault.kind) {
    case 'timeout':
      return new TimeoutError(message, details)
    case 'closed':
      return new ClosedError(message, details)
    case 'garbled':
      return new ProtocolError(message, details)
    default:
      return new ConnectionError(message, details)
  }
}
