/** What went over the connections to one server. */
export class Traffic {
  /** Connections that came about. */
  opened = 0
  /** Connections of those that are gone. */
  closed = 0
  /** Bytes from the server. */
  bytesIn = 0
  /** Bytes to the server. */
  bytesOut = 0
}
