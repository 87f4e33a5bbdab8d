import { monotonic } from '@glammp/wire'

/**
 * Commands of one kind that run side by side, with all others of their key waiting behind them.
 */
class Crew {
  /** Another may still join. */
  isOpen = true
  readonly over: Promise<void>
  readonly #before: Promise<void> | undefined
  #size = 0
  #end: () => void = () => {}

  constructor(before: Promise<void> | undefined) {
    this.#before = before
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  async run<T>(work: (close: () => void) => Promise<T>): Promise<T> {
    this.#size += 1
    try {
      if (this.#before !== undefined) await this.#before
      return await work(() => {
        this.isOpen = false
      })
    } finally {
      this.#size -= 1
      if (this.#size === 0) {
        this.isOpen = false
        this.#end()
      }
    }
  }
}

/** How far commands of a key are that are not ready when they are called. */
interface Preparation {
  count: number
  endedAt: number
}

/**
 * Keeps the order of commands of one key where one of them needs more than this tick before it
 * can be sent, because its value is compressed on another thread or goes ahead in chunks, or because
 * it takes several requests, one after the other: those that come after it wait, so that `set` of a
 * large value and then of a small one ends with the small one.
 */
export class KeyOrder {
  readonly #turns = new Map<string, Promise<void>>()
  readonly #crews = new Map<string, Crew>()
  readonly #preparations = new Map<string, Preparation>()

  /** What a command of the key waits for; `undefined`, as nearly always, if it need not. */
  of(wireKey: string): Promise<void> | undefined {
    return this.#turns.size === 0 ? undefined : this.#last(wireKey)
  }

  /**
   * As {@link of}, for a command of many keys, which others then wait for.
   *
   * @param waits - whether it must wait in any case.
   * @returns resolves when it may be sent, to what it calls when it was.
   */
  enter(wireKeys: readonly string[], waits = false): Promise<() => void> | undefined {
    if (!waits && (this.#turns.size === 0 || !wireKeys.some((key) => this.#turns.has(key)))) {
      return undefined
    }
    const before = Promise.all(wireKeys.map((wireKey) => this.#last(wireKey)))
    let leave = (): void => {}
    const turn = new Promise<void>((resolve) => {
      leave = resolve
    })
    // All of them: a later command must not pass this one on a key that was free.
    for (const wireKey of wireKeys) this.#set(wireKey, turn)
    return before.then(() => leave)
  }

  /** Resolves when every command that is waiting now has been sent; `undefined` if none is. */
  idle(): Promise<unknown> | undefined {
    return this.#turns.size === 0 ? undefined : Promise.all(this.#turns.values())
  }

  /** Whether a command of the key is not ready yet. */
  isPreparing(wireKey: string): boolean {
    return (this.#preparations.get(wireKey)?.count ?? 0) > 0
  }

  /** When a command of the key that still has its turn, or waits for it, became ready. */
  preparedAt(wireKey: string): number {
    return this.#preparations.get(wireKey)?.endedAt ?? Number.NEGATIVE_INFINITY
  }

  /**
   * Sends a command that is not ready yet, in its turn.
   *
   * @param prepare - starts at once; what it resolves to sends the command.
   */
  async take<T>(wireKey: string, prepare: () => Promise<() => Promise<T>>): Promise<T> {
    const before = this.#last(wireKey)
    const sent = this.#send(before, this.#prepared(wireKey, prepare))
    const turn = sent.then(
      () => {},
      () => {},
    )
    this.#set(wireKey, turn)
    return (await sent).answer
  }

  /**
   * Runs a command that takes several requests: what comes after it waits until it is over, but for
   * those of its kind, which run beside it.
   *
   * @param work - sends them; what it is given lets no more of its kind in beside it.
   */
  together<T>(wireKey: string, work: (close: () => void) => Promise<T>): Promise<T> {
    let crew = this.#crews.get(wireKey)
    if (!crew?.isOpen) {
      const opened = new Crew(this.#turns.get(wireKey))
      crew = opened
      this.#crews.set(wireKey, opened)
      this.#set(wireKey, opened.over)
      void opened.over.then(() => {
        if (this.#crews.get(wireKey) === opened) this.#crews.delete(wireKey)
      })
    }
    return crew.run(work)
  }

  // Another command waits behind it: no more may join those that run.
  #last(wireKey: string): Promise<void> | undefined {
    const crew = this.#crews.get(wireKey)
    if (crew !== undefined) crew.isOpen = false
    return this.#turns.get(wireKey)
  }

  #set(wireKey: string, turn: Promise<void>): void {
    this.#turns.set(wireKey, turn)
    // The first to get the turn, so that the others can be sent at once.
    void turn.then(() => {
      if (this.#turns.get(wireKey) !== turn) return
      this.#turns.delete(wireKey)
      this.#preparations.delete(wireKey)
    })
  }

  async #prepared<T>(wireKey: string, prepare: () => Promise<T>): Promise<T> {
    let own = this.#preparations.get(wireKey)
    if (own === undefined) {
      own = { count: 0, endedAt: Number.NEGATIVE_INFINITY }
      this.#preparations.set(wireKey, own)
    }
    own.count += 1
    try {
      const ready = await prepare()
      own.endedAt = monotonic()
      return ready
    } finally {
      own.count -= 1
    }
  }

  // The answer is returned in an object: a promise would be awaited.
  async #send<T>(
    before: Promise<void> | undefined,
    prepared: Promise<() => Promise<T>>,
  ): Promise<{ answer: Promise<T> }> {
    // It may fail while it is another command's turn.
    prepared.catch(() => {})
    await before
    const send = await prepared
    return { answer: send() }
  }
}
