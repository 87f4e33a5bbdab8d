/** A server that can be reached. */
export interface ServerUp {
  /** Its address. */
  readonly server: string
}

/** A server that is tried again. */
export interface ServerReconnecting {
  /** Its address. */
  readonly server: string
  /** Failures in a row. */
  readonly attempt: number
  /** Milliseconds until then. */
  readonly delay: number
}
