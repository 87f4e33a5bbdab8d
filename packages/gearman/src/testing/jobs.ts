import { cHash, cString, inTableOrder } from './c-text.js'
import { Job, type Order } from './job.js'
import { type Ability, JobFunction } from './job-function.js'
import { Type } from './packets.js'
import type { Session } from './session.js'

/** The time of a server. */
export interface Time {
  /** Since 1970. */
  seconds(): number
  /** Calls back after so many milliseconds; what it returns takes that back. */
  after(milliseconds: number, ring: () => void): () => void
}

/** How a gearmand was started. */
export interface Settings {
  /** Losses of a worker after which a job is given up; 0 for never. */
  readonly jobRetries: number
  readonly roundRobin: boolean
  /** Sleeping workers that a job wakes; 0 for all. */
  readonly workerWakeup: number
  readonly handlePrefix: string
}

/** All functions and jobs of a server. */
export class Jobs {
  readonly #settings: Settings
  readonly #time: Time
  readonly #ended: () => void
  readonly #functions = new Map<string, JobFunction>()
  readonly #jobs = new Map<string, Job>()
  #count = 0

  /** @param ended - called when there is one job less to run. */
  constructor(settings: Settings, time: Time, ended: () => void) {
    this.#settings = settings
    this.#time = time
    this.#ended = ended
  }

  /** Jobs that wait or run, the oldest first. */
  get all(): Iterable<Job> {
    return this.#jobs.values()
  }

  /** Those that run or may run now. */
  *open(): Generator<Job> {
    const now = this.#time.seconds()
    for (const job of this.#jobs.values()) if (job.isOpen(now)) yield job
  }

  after(milliseconds: number, ring: () => void): () => void {
    return this.#time.after(milliseconds, ring)
  }

  /** As gearmand lists them. */
  listed(): Job[] {
    return inTableOrder(this.all, ({ handle }) => cHash(handle))
  }

  functions(): JobFunction[] {
    return inTableOrder(this.#functions.values(), ({ name }) => cHash(name))
  }

  /** The function of this name, which is made if there is none. */
  fn(name: string): JobFunction {
    const known = this.#functions.get(name)
    if (known !== undefined) return known
    const fn = new JobFunction(name)
    this.#functions.set(name, fn)
    return fn
  }

  drop(fn: JobFunction): void {
    this.#functions.delete(fn.name)
  }

  /** The job that has this handle and, if a session is given, is run by it. */
  get(handle: string, session?: Session): Job | undefined {
    const job = this.#jobs.get(cString(handle))
    return session === undefined || job?.ability?.session === session ? job : undefined
  }

  /** The newest job of any function that has this unique id. */
  getUnique(unique: string): Job | undefined {
    if (unique === '') return undefined
    let found: Job | undefined
    for (const job of this.#jobs.values()) {
      if (job.unique === unique && job.key === unique) found = job
    }
    return found
  }

  /**
   * Takes in a job, or finds the one that it is a repetition of.
   *
   * @param session - who waits for the result.
   * @returns `undefined` if the queue is full.
   */
  submit(order: Order, session: Session | undefined): Job | undefined {
    const { fn, unique, workload, priority } = order
    const job = fn.find(unique, workload) ?? this.#create(order, fn.maxQueue[priority])
    if (job === undefined || session === undefined) return job
    const waiter = { session, job }
    job.waiters.add(waiter)
    session.waiters.add(waiter)
    return job
  }

  /** Puts a job into its queue: a new one, or back, since its worker is lost. */
  queue(job: Job): void {
    const { fn } = job.order
    if (job.ability !== undefined) {
      job.retries = (job.retries + 1) & 0xff
      const { jobRetries } = this.#settings
      if (jobRetries !== 0 && job.retries === jobRetries) {
        this.#tellFailure(job)
        this.end(job)
        return
      }
      this.#release(job, job.ability)
      job.numerator = 0
      job.denominator = 0
    }
    fn.wake(this.#settings.workerWakeup)
    fn.append(job)
  }

  /** The job that this worker would get. Jobs that nobody waits for any more end here. */
  peek(session: Session): Job | undefined {
    for (;;) {
      const job = this.#due(session)
      if (job === undefined || !job.isIgnored) return job
      job.isIgnored = false
      // This is another job if one that waits for its time is in front of it: gearmand ends that, too.
      const taken = this.take(session)
      if (taken !== undefined) this.end(taken)
    }
  }

  /** Gives a worker its next job. */
  take(session: Session): Job | undefined {
    for (;;) {
      const job = this.#takeDue(session)
      if (job === undefined || !job.isIgnored) return job
      this.end(job)
    }
  }

  #due({ abilities }: Session): Job | undefined {
    const now = this.#time.seconds()
    for (const { fn } of abilities) {
      const job = fn.due(now)
      if (job !== undefined) return job
    }
    return undefined
  }

  #takeDue(session: Session): Job | undefined {
    const now = this.#time.seconds()
    const { roundRobin } = this.#settings
    for (const ability of session.abilities) {
      const { fn } = ability
      if (!fn.hasWaiting) continue
      if (roundRobin) session.moveBack(ability)
      const job = fn.takeDue(now)
      if (job !== undefined) {
        job.ability = ability
        ability.jobs.unshift(job)
        fn.running += 1
        return job
      }
      // What is behind it in the list is nothing, now that it is the last.
      if (roundRobin) return undefined
    }
    return undefined
  }

  /** Forgets a job. */
  end(job: Job): void {
    if (job.ability !== undefined) this.#release(job, job.ability)
    for (const waiter of job.waiters) waiter.session.waiters.delete(waiter)
    job.waiters.clear()
    job.order.fn.remove(job)
    this.#jobs.delete(job.handle)
    this.#ended()
  }

  /** Clients get WORK_FAIL, and no worker gets it. */
  cancel(job: Job): void {
    this.#tellFailure(job)
    this.#ignore(job)
  }

  /** What a worker cannot do any more goes back, with what it has begun. */
  forgo(ability: Ability): void {
    const { session, fn, jobs } = ability
    for (let [job] = jobs; job !== undefined; [job] = jobs) this.queue(job)
    session.abilities.splice(session.abilities.indexOf(ability), 1)
    fn.removeAbility(ability)
  }

  /** Its connection is gone. */
  leave(session: Session): void {
    for (let [ability] = session.abilities; ability !== undefined; [ability] = session.abilities) {
      this.forgo(ability)
    }
    for (const waiter of session.waiters) {
      waiter.job.waiters.delete(waiter)
      if (waiter.job.waiters.size === 0) this.#ignore(waiter.job)
    }
    session.waiters.clear()
  }

  #create(order: Order, maxQueue: number): Job | undefined {
    const { fn } = order
    if (maxQueue > 0 && fn.total >= maxQueue) return undefined
    this.#count += 1
    const job = new Job(`${this.#settings.handlePrefix}:${this.#count}`, order)
    fn.add(job)
    this.#jobs.set(job.handle, job)
    this.queue(job)
    return job
  }

  #release(job: Job, ability: Ability): void {
    ability.jobs.splice(ability.jobs.indexOf(job), 1)
    job.ability = undefined
    job.order.fn.running -= 1
  }

  #ignore(job: Job): void {
    job.isIgnored = true
    job.isKept = false
    this.#ended()
  }

  #tellFailure(job: Job): void {
    for (const { session } of job.waiters) session.send(Type.WORK_FAIL, job.handle)
  }
}
