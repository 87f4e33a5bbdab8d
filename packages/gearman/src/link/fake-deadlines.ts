import { type Deadline, Deadlines } from '@glammp/wire'

/** For tests: waits that go on as the test says, from 0. */
export class FakeDeadlines extends Deadlines {
  #time = 0
  readonly #due: Map<Deadline, number> = new Map()

  override get now(): number {
    return this.#time
  }

  override get size(): number {
    return this.#due.size
  }

  override add(entry: Deadline, milliseconds: number): void {
    this.#due.set(entry, this.#time + milliseconds)
  }

  override remove(entry: Deadline): void {
    this.#due.delete(entry)
  }

  /** Lets time pass: what falls due expires in its order. */
  pass(milliseconds: number): void {
    const end = this.#time + milliseconds
    for (;;) {
      const [first] = [...this.#due].sort(([, one], [, other]) => one - other)
      if (first === undefined || first[1] > end) break
      this.#time = Math.max(this.#time, first[1])
      this.#due.delete(first[0])
      first[0].expire()
    }
    this.#time = end
  }
}
