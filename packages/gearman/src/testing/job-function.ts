import { type Job, keyOf, PRIORITIES, type Priority } from './job.js'
import type { Session } from './session.js'

/** A function that a worker can do. Registered twice, it is there twice. */
export interface Ability {
  readonly session: Session
  readonly fn: JobFunction
  /** Milliseconds that its jobs may take; 0 or less for no limit. */
  readonly timeout: number
  /** The newest first. */
  readonly jobs: Job[]
}

/** Jobs that wait, in the order in which they came. */
class JobList {
  first: Job | undefined
  #last: Job | undefined
  length = 0

  append(job: Job): void {
    job.next = undefined
    if (this.#last === undefined) this.first = job
    else this.#last.next = job
    this.#last = job
    this.length += 1
  }

  /** The first whose time has come. */
  due(now: number): Job | undefined {
    let job = this.first
    while (job?.isEarly(now)) job = job.next
    return job
  }

  /** Takes out the first whose time has come. */
  takeDue(now: number): Job | undefined {
    let previous: Job | undefined
    let job = this.first
    while (job?.isEarly(now)) {
      previous = job
      job = job.next
    }
    if (job === undefined) return undefined
    if (previous === undefined) this.first = job.next
    else previous.next = job.next
    if (this.#last === job) this.#last = previous
    this.length -= 1
    return job
  }
}

/** A function, its queue, and who can do it. */
export class JobFunction {
  /** A character for each byte. */
  readonly name: string
  /** How many of its jobs there may be when one of this priority comes; 0 for any number. */
  readonly maxQueue: Record<Priority, number> = { high: 0, normal: 0, low: 0 }
  readonly #waiting: Record<Priority, JobList> = {
    high: new JobList(),
    normal: new JobList(),
    low: new JobList(),
  }
  /** By what makes them the same job, the newest first. */
  readonly #byUnique = new Map<string, Job[]>()
  /** In the order in which they are woken. */
  #abilities: Ability[] = []
  /** Jobs that wait or run. */
  total = 0
  running = 0

  constructor(name: string) {
    this.name = name
  }

  get workers(): number {
    return this.#abilities.length
  }

  get hasWaiting(): boolean {
    return PRIORITIES.some((priority) => this.#waiting[priority].length > 0)
  }

  waiting(priority: Priority): number {
    return this.#waiting[priority].length
  }

  append(job: Job): void {
    this.#waiting[job.order.priority].append(job)
  }

  /** The first job that may run now. */
  due(now: number): Job | undefined {
    for (const priority of PRIORITIES) {
      const job = this.#waiting[priority].due(now)
      if (job !== undefined) return job
    }
    return undefined
  }

  /** Takes it out. Jobs that wait for their time hide those of lower priority, as in gearmand 1.1. */
  takeDue(now: number): Job | undefined {
    const priority = PRIORITIES.find((each) => this.#waiting[each].length > 0)
    return priority === undefined ? undefined : this.#waiting[priority].takeDue(now)
  }

  /** The job that a submission joins. */
  find(unique: string, workload: Buffer): Job | undefined {
    const jobs = this.#byUnique.get(keyOf(unique, workload))
    return unique === '-'
      ? jobs?.find(({ order }) => order.workload.equals(workload))
      : jobs?.find((job) => job.unique === unique)
  }

  add(job: Job): void {
    this.total += 1
    const { key } = job
    if (key === '') return
    const jobs = this.#byUnique.get(key)
    if (jobs === undefined) this.#byUnique.set(key, [job])
    else jobs.unshift(job)
  }

  remove(job: Job): void {
    this.total -= 1
    const { key } = job
    const jobs = this.#byUnique.get(key)
    if (jobs === undefined) return
    jobs.splice(jobs.indexOf(job), 1)
    if (jobs.length === 0) this.#byUnique.delete(key)
  }

  addAbility(ability: Ability): void {
    this.#abilities.push(ability)
  }

  removeAbility(ability: Ability): void {
    this.#abilities.splice(this.#abilities.indexOf(ability), 1)
  }

  /** Wakes sleeping workers: so many, or all for 0. Who comes next is first in line for the next job. */
  wake(most: number): void {
    let woken = 0
    let asked = 0
    for (const { session } of this.#abilities) {
      if (session.wake()) woken += 1
      asked += 1
      if (most > 0 && woken === most) break
    }
    if (asked === this.#abilities.length) return
    this.#abilities = [...this.#abilities.slice(asked), ...this.#abilities.slice(0, asked)]
  }
}
