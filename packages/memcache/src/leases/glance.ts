import type { Key } from '../key.js'
import { type ItemOpener, LookRequest, type Seen } from '../requests/look.js'
import type { WrappedItem } from '../values/envelope.js'
import { isServed, worthOf } from './judgement.js'
import type { LookupOptions } from './lease.js'

/** The owner of a first look; what each method returns is what the request resolves to. */
export interface GlanceOwner {
  /** It may be served as it is. */
  hit(seen: Seen<WrappedItem>): unknown
  /** It is missing, or has to be computed anew. */
  miss(): unknown
  failed(reason: unknown): unknown
}

/**
 * The first look at an item. It decides by itself if there is nothing to compute, so that a hit
 * costs little more than a `get`.
 */
export class Glance extends LookRequest<WrappedItem, unknown> {
  readonly #ask: LookupOptions
  readonly #owner: GlanceOwner

  constructor(
    key: Key,
    wireKey: string,
    open: ItemOpener<WrappedItem>,
    ask: LookupOptions,
    owner: GlanceOwner,
  ) {
    super('wrap', key, wireKey, open, false)
    this.#ask = ask
    this.#owner = owner
  }

  // A caller that computes reads once more.
  protected override get withCas(): boolean {
    return false
  }

  override fail(reason: unknown): void {
    if (!this.course.settled) this.failWith(reason, this.#owner.failed(reason))
  }

  protected override deliver(seen: Seen<WrappedItem> | undefined): void {
    const { print } = this.#ask
    const fingerprint = print.known()
    if (fingerprint !== undefined) this.#decide(seen, fingerprint)
    else {
      print.later().then(
        (known) => this.#decide(seen, known),
        (error) => this.fail(error),
      )
    }
  }

  #decide(seen: Seen<WrappedItem> | undefined, fingerprint: string): void {
    // It may have expired since.
    if (this.course.settled) return
    const { mayRefresh, refreshAhead } = this.#ask
    const worth = worthOf(seen, fingerprint, refreshAhead)
    const served = isServed(worth, this.key as Key, mayRefresh)
    this.course.hits = seen?.item === undefined ? 0 : 1
    this.succeed(served ? this.#owner.hit(seen as Seen<WrappedItem>) : this.#owner.miss())
  }
}
