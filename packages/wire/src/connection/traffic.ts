/** What went over the connections to one server. */
export class Traffic {
  /** Connections opened so far. */
  opened = 0
  /** Those of them that are closed. */
  closed = 0
  /** Bytes from the server. */
  bytesIn = 0
  /** Bytes to the server. */
  bytesOut = 0

  /** Counts everything that another one has counted. */
  add(other: Traffic): void {
    this.opened += other.opened
    this.closed += other.closed
    this.bytesIn += other.bytesIn
    this.bytesOut += other.bytesOut
  }
}

/** Connections, counted. */
export interface ConnectionMetrics {
  /** Open now. */
  readonly open: number
  /** Opened so far. */
  readonly opened: number
  /** Those of them that are closed, by either side. */
  readonly closed: number
}

/** What went to and came from one server, or all of them. */
export interface TrafficMetrics {
  /** What is under way: calls of a client, jobs of a worker. */
  readonly pending: number
  readonly connections: ConnectionMetrics
  /** Bytes received. */
  readonly bytesIn: number
  /** Bytes sent. */
  readonly bytesOut: number
}

/** Traffic as numbers that can be logged or sent as they are. */
export function trafficMetrics(traffic: Traffic, pending: number): TrafficMetrics {
  const { opened, closed, bytesIn, bytesOut } = traffic
  return { pending, connections: { open: opened - closed, opened, closed }, bytesIn, bytesOut }
}
