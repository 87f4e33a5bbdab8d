/**
 * Keeps the order of commands of one key where one of them needs more than this tick before it
 * can be sent, because its value is compressed on another thread or goes ahead in chunks: those
 * that come after it wait, so that `set` of a large value and then of a small one ends with the
 * small one.
 */
export class Turns {
  readonly #turns = new Map<string, Promise<void>>()

  /** What a command of the key waits for; `undefined`, as nearly always, if it need not. */
  of(wireKey: string): Promise<void> | undefined {
    return this.#turns.size === 0 ? undefined : this.#turns.get(wireKey)
  }

  /**
   * As {@link of}, for a command of many keys, which then is the one that others wait for.
   *
   * @returns resolves when it may be sent, to what it calls when it was.
   */
  enter(wireKeys: readonly string[]): Promise<() => void> | undefined {
    if (this.#turns.size === 0) return undefined
    const taken = wireKeys.filter((wireKey) => this.#turns.has(wireKey))
    const before = Promise.all(taken.map((wireKey) => this.#turns.get(wireKey)))
    let leave = (): void => {}
    const turn = new Promise<void>((resolve) => {
      leave = resolve
    })
    for (const wireKey of taken) this.#set(wireKey, turn)
    return before.then(() => leave)
  }

  /** Resolves when every command that is waiting now has been sent; `undefined` if none is. */
  idle(): Promise<unknown> | undefined {
    return this.#turns.size === 0 ? undefined : Promise.all(this.#turns.values())
  }

  /**
   * Sends a command that is not ready yet, in its turn.
   *
   * @param prepare - starts at once; what it resolves to sends the command.
   */
  async take<T>(wireKey: string, prepare: () => Promise<() => Promise<T>>): Promise<T> {
    const before = this.#turns.get(wireKey)
    const sent = this.#send(before, prepare())
    const turn = sent.then(
      () => {},
      () => {},
    )
    this.#set(wireKey, turn)
    return (await sent).answer
  }

  #set(wireKey: string, turn: Promise<void>): void {
    this.#turns.set(wireKey, turn)
    // The first to hear of the turn, so that the others find the way free.
    void turn.then(() => {
      if (this.#turns.get(wireKey) === turn) this.#turns.delete(wireKey)
    })
  }

  // The answer travels in an object: a promise would be waited for.
  async #send<T>(
    before: Promise<void> | undefined,
    prepared: Promise<() => Promise<T>>,
  ): Promise<{ answer: Promise<T> }> {
    // It may fail while the turn is another's.
    prepared.catch(() => {})
    await before
    const send = await prepared
    return { answer: send() }
  }
}
