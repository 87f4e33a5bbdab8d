/** What every public error of the clients has besides its message. */
export interface ErrorDetails {
  /** Name of the server that it happened on. */
  readonly server?: string | undefined
  /** What led to it. */
  readonly cause?: unknown
}

/**
 * Base of the clients' error classes. `instanceof` asks for a mark that every copy of a class
 * shares, so that it holds between the ESM and the CommonJS build, where a class exists twice.
 */
export abstract class ErrorBase extends Error {
  /** Stable name of the failure, to match on. */
  abstract readonly code: string
  /** Name of the server (`host:port` or a socket path), where one was involved. */
  declare readonly server: string | undefined

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    if (details.server !== undefined) this.server = details.server
    Object.defineProperty(this, 'name', { value: new.target.kind, configurable: true })
    for (
      let type: unknown = new.target;
      typeof type === 'function' && type !== ErrorBase;
      type = Object.getPrototypeOf(type)
    ) {
      Object.defineProperty(this, mark((type as typeof ErrorBase).kind), { value: true })
    }
  }

  /** Name of the class, written out: bundlers rename classes. @internal */
  static readonly kind: string = 'ErrorBase'

  static override [Symbol.hasInstance](value: unknown): boolean {
    try {
      return typeof value === 'object' && value !== null && mark(this.kind) in value
    } catch {
      // A Proxy may throw here.
      return false
    }
  }
}

function mark(kind: string): symbol {
  return Symbol.for(`glammp.${kind}`)
}
