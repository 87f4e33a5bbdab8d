/** The header of every packet, request or reply. */
export const HEADER_LENGTH = 24

export const REQUEST_MAGIC = 0x80
export const REPLY_MAGIC = 0x81

/** Commands, by the names of memcached's `protocol_binary.h`. */
export const Opcode = {
  GET: 0x00,
  SET: 0x01,
  ADD: 0x02,
  REPLACE: 0x03,
  DELETE: 0x04,
  INCREMENT: 0x05,
  DECREMENT: 0x06,
  FLUSH: 0x08,
  NOOP: 0x0a,
  VERSION: 0x0b,
  APPEND: 0x0e,
  PREPEND: 0x0f,
  STAT: 0x10,
  VERBOSITY: 0x1b,
  TOUCH: 0x1c,
  GAT: 0x1d,
  SASL_AUTH: 0x21,
} as const

/** The status of a reply. */
export const Status = {
  OK: 0x00,
  KEY_NOT_FOUND: 0x01,
  KEY_EXISTS: 0x02,
  INVALID_ARGUMENTS: 0x04,
  NOT_STORED: 0x05,
  NON_NUMERIC: 0x06,
  AUTH_ERROR: 0x20,
  AUTH_CONTINUE: 0x21,
  UNKNOWN_COMMAND: 0x81,
} as const

/**
 * The opaque of the n-th request of a connection, which its replies repeat. The low 24 bits count.
 * The high byte is a line feed: a server that speaks only text (`-Y`, `-B ascii`, a proxy) takes
 * that as the end of a line and answers with an error at once; otherwise it would wait for one for
 * ever.
 */
export function opaqueOf(n: number): number {
  return 0x0a00_0000 + (n & 0xff_ffff)
}
