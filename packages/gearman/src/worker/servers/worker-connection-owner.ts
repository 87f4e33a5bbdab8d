import type { Fault } from '@glammp/wire'
import type { LinkOptions } from '../../link/link.js'
import type { Assignment, JobConnection } from './job-connection.js'

/** The owner of a worker's connection, as far as the connection needs it. */
export interface WorkerConnectionOwner {
  /** A grab brought a job; `late` where that grab had been returned before. */
  assigned(assignment: Assignment, origin: JobConnection, late: boolean): void
  /** Grabs came back empty, or will not come back for now. */
  returned(grabs: number): void
  /** One that had been returned brings a job nevertheless. */
  promised(): void
  /** There may be something to grab now, or a reason to sleep. */
  changed(): void
  /** A connection was opened. */
  up(server: string): void
  /** There is none: the first failure after the server was up, or never tried. */
  down(server: string, reason: Fault): void
  /**
   * It was lost, or could not be opened for the `attempt`th time in a row; it is tried again in
   * `delay` milliseconds.
   */
  reconnecting(server: string, attempt: number, delay: number): void
}

export interface WorkerConnectionOptions extends LinkOptions {
  readonly clientId: string | undefined
  /** Milliseconds that gearmand may take for an answer. */
  readonly timeout: number
  /** Milliseconds of silence before the server is asked whether it lives; 0: never. */
  readonly heartbeat: number
  /** Milliseconds of sleep before it asks for jobs unwoken. */
  readonly pollInterval: number | undefined
}
