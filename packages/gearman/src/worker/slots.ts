/** The part of a source of jobs that sharing the slots needs. */
export interface Grabbing {
  /** It may have jobs, and takes one more grab. */
  readonly hungry: boolean
  /** It has none, and every grab came back. */
  readonly idle: boolean
  /** Asks for one job. */
  grab(): void
  /** Asks to be woken when there is a job. */
  sleep(): void
}

/**
 * How many jobs may run at once, over all servers. A grab takes its slot when it is sent, so a
 * worker never holds jobs that it cannot run at once and that another worker could.
 */
export class Slots {
  #limit: number
  readonly #sources: Grabbing[] = []
  #running = 0
  #promised = 0
  /** Jobs that may still be taken. */
  #quota = 0
  #turn = 0
  #idle: (() => void) | undefined
  /** Jobs that arrived late, and wait for a slot. */
  readonly #held: (() => void)[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Handlers that run. */
  get running(): number {
    return this.#running
  }

  /** How many jobs may run at once. If more are running, those run to their end. */
  get limit(): number {
    return this.#limit
  }

  set limit(jobs: number) {
    this.#limit = jobs
    this.fill()
  }

  add(source: Grabbing): void {
    this.#sources.push(source)
  }

  remove(source: Grabbing): void {
    const index = this.#sources.indexOf(source)
    if (index !== -1) this.#sources.splice(index, 1)
  }

  /** Allows `jobs` more to be taken; 0 stops taking. */
  allow(jobs: number): void {
    this.#quota = jobs
    this.fill()
  }

  /** Sends as many grabs as there are free slots, in turn over the sources that may have jobs. */
  fill(): void {
    let refused = 0
    while (this.#free > 0 && refused < this.#sources.length) {
      this.#turn = (this.#turn + 1) % this.#sources.length
      const source = this.#sources[this.#turn]
      if (source?.hungry) {
        refused = 0
        this.#promised += 1
        source.grab()
      } else {
        refused += 1
      }
    }
    // Asleep without a free slot, a worker would swallow wake-ups that are meant for one job.
    if (this.#free > 0) {
      for (const source of this.#sources) if (source.idle) source.sleep()
    }
  }

  /** A grab that had been given up brings a job. */
  promised(): void {
    this.#promised += 1
  }

  /** Starts a job that arrived late: now, or when a slot is free. */
  admit(begin: () => void): void {
    if (this.#running < this.#limit) begin()
    else this.#held.push(begin)
  }

  /** A grab brought a job. */
  taken(): void {
    this.#promised -= 1
    this.#quota -= 1
    this.#running += 1
  }

  /** Grabs came back empty, or will not come back. */
  returned(grabs: number): void {
    this.#promised -= grabs
    this.#noteIdle()
  }

  /** A handler is done. */
  finished(): void {
    this.#running -= 1
    while (this.#running < this.#limit && this.#held.length > 0) this.#held.shift()?.()
    this.#noteIdle()
  }

  /** Resolves when nothing runs and no grab is out. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve
      this.#noteIdle()
    })
  }

  get #free(): number {
    return Math.min(this.#limit - this.#running, this.#quota) - this.#promised
  }

  #noteIdle(): void {
    if (this.#running + this.#promised === 0) this.#idle?.()
  }
}
