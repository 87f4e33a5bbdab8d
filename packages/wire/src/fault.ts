/**
 * Why a connection or a wait ended: `connect` no connection could be opened, `timeout` it took too
 * long, `lost` the peer or the network ended it, `closed` this side did, `garbled` the bytes were
 * not the protocol's.
 */
export type FaultKind = 'connect' | 'timeout' | 'lost' | 'closed' | 'garbled'

/**
 * The reason inside this library. It knows neither command nor key: the owner above, which does,
 * turns it into the error that the caller sees.
 */
export class Fault extends Error {
  readonly kind: FaultKind

  constructor(kind: FaultKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
  }
}
