/** Bytes and flags of an item -> the value that the caller gets. */
export interface ValueDecoder {
  /**
   * A value is never a promise, so a promise is one for a value that takes longer: one that is
   * expanded on another thread, or whose chunks are read now; `undefined` where they are gone.
   *
   * @param reader - the request that the item is an answer to.
   * @throws DecodeError where the bytes are no value.
   */
  decode(flags: number, bytes: Buffer, start: number, end: number, reader?: ItemReader): unknown
}

/** What a decoder that must read more knows of the request that it does it for. */
export interface ItemReader {
  /** When its time is over, on the clock of `performance.now()`. */
  readonly due: number
  /** Expiry that the item gets by being read; `undefined`: it keeps its own. */
  readonly exptime?: number | undefined
  /** Key of the item that is decoded now, as it travels. */
  readonly itemKey?: string | undefined
}
