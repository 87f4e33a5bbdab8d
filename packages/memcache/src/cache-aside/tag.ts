import type { CallOptions } from '../dispatch/route.js'

/** A name that values are wrapped with: `wrap(key, load, { tags: [name] })`. */
export class Tag {
  /** As it was given. */
  readonly name: string
  readonly #renew: (options: CallOptions | undefined) => Promise<void>

  /** @internal */
  constructor(name: string, renew: (options: CallOptions | undefined) => Promise<void>) {
    this.name = name
    this.#renew = renew
  }

  /**
   * From now on every key wrapped with this tag is a miss, however many there are: one small item
   * is written. Old values are no longer served, not even while they are computed anew.
   *
   * @throws ConnectionError if the server of the tag cannot be reached: nothing is invalidated.
   */
  invalidate(options?: CallOptions): Promise<void> {
    return this.#renew(options)
  }
}
