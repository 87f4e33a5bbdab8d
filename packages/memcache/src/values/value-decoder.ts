/** Bytes and flags of an item -> the value that the caller gets. */
export interface ValueDecoder {
  /**
   * A value itself is never a promise, so a promise stands for a value that takes longer: one that
   * is expanded on another thread, or whose chunks are read now; `undefined` if they are gone.
   *
   * @param reader - the request that the item is an answer to.
   * @throws DecodeError if the bytes are not a value.
   */
  decode(flags: number, bytes: Buffer, start: number, end: number, reader?: ItemReader): unknown
}

/** What a decoder that must read more knows of its request. */
export interface ItemReader {
  /** When its time is over, on the clock of `performance.now()`. */
  readonly due: number
  /** Expiry that the item gets by being read; `undefined`: it keeps its own. */
  readonly exptime?: number | undefined
  /** Key of the item that is decoded now, as it is sent. */
  readonly itemKey?: string | undefined
}
