import {
  abortSignal,
  isThenable,
  listOf,
  OptionRules,
  Pull,
  type Source,
  wholeNumberFrom,
} from '@glammp/wire'
import { isStream } from '../codec.js'
import type { FunctionReference, JobDefinition } from '../definition.js'
import { asArgument } from '../options.js'
import { JOB_CHECKS, type JobOptions } from './job-order.js'

/** One task of {@link GearmanClient.runTasks}: a job with its settings. */
export interface TaskRequest extends JobOptions {
  /** The function by its name, or by its definition. */
  readonly function: FunctionReference<unknown, unknown>
  readonly workload?: unknown
}

/**
 * The result of a task: the output of its definition, or text; in the background the job's handle.
 */
export type TaskOutput<Task extends TaskRequest> = Task extends { readonly background: true }
  ? string
  : Task extends { readonly function: unknown; readonly background?: false | undefined }
    ? OutputOf<Task['function']>
    : OutputOf<Task['function']> | string

type OutputOf<Function> = Function extends JobDefinition<unknown, infer Output> ? Output : string

/** Settings of jobs that are run together. */
export interface ManyOptions {
  /**
   * Jobs that may be under way at once: in the foreground until they are done, in the background
   * until they are acknowledged. @defaultValue 10000, or the client's `maxPending` if that is less
   */
  readonly concurrency?: number | undefined
}

/** The callbacks of a job of a batch. Either `resolve` or `reject` is called, once. */
export interface BatchPlace {
  /** Bytes of its workload, which are under way from now. */
  sending(bytes: number): void
  /** gearmand has it. */
  acknowledged(): void
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** What submits the jobs of a batch. */
export interface BatchOwner<T> {
  /** No more jobs can be submitted: the client is closed, or the caller has aborted. */
  readonly over: boolean
  /** Calls back when that becomes true; what it returns removes the callback. */
  onOver(callback: () => void): () => void
  /** What a task is told that is not carried any more. */
  refusal(): unknown
  /** What it throws is the task's own end. */
  submit(task: T, place: BatchPlace): void
}

/** The known settings of jobs that are run together, and their valid values. */
export const RUN_TASKS_RULES: OptionRules<ManyOptions & Pick<JobOptions, 'signal'>> =
  new OptionRules<ManyOptions & Pick<JobOptions, 'signal'>>({
    concurrency: wholeNumberFrom(1),
    signal: abortSignal,
  })

/** The same, with those of each job. */
export const DO_MANY_RULES: OptionRules<JobOptions & ManyOptions> = new OptionRules<
  JobOptions & ManyOptions
>({ ...JOB_CHECKS, concurrency: wholeNumberFrom(1) })

/** How many jobs may be under way by default. */
const CONCURRENCY = 10_000

/** Bytes of workloads under way to gearmand from which on no task is taken. */
const MAX_BYTES = 16 * 1024 * 1024

/** Holds the place of a job that is under way, because a later one may end first. */
const UNFINISHED: PromiseSettledResult<unknown> = { status: 'rejected', reason: undefined }

/**
 * Text and bytes are iterable, but they are one workload.
 *
 * @throws {@link InvalidArgumentError} if tasks cannot be taken from it.
 */
export function checkSource(name: string, source: Source<unknown>): void {
  asArgument(() => isStream(source) || listOf(name, source as Iterable<unknown>))
}

/** How many jobs may be under way. */
export function concurrencyOf(concurrency: number | undefined, maxPending: number): number {
  return Math.min(concurrency ?? CONCURRENCY, maxPending)
}

/**
 * Runs many jobs and keeps the result of each, in the order of the tasks. The jobs of one tick
 * leave in one write; tasks are taken no faster than jobs end and workloads are acknowledged.
 */
export class Batch<T> {
  readonly #owner: BatchOwner<T>
  readonly #concurrency: number
  readonly #ends: PromiseSettledResult<unknown>[] = []
  #running = 0
  #bytes = 0
  #changed: (() => void) | undefined

  constructor(owner: BatchOwner<T>, concurrency: number) {
    this.#owner = owner
    this.#concurrency = concurrency
  }

  async run(source: Source<T>): Promise<PromiseSettledResult<unknown>[]> {
    try {
      if (Array.isArray(source)) await this.#list(source)
      else await this.#pull(new Pull(source))
    } finally {
      while (this.#running > 0) await this.#change()
    }
    return this.#ends
  }

  // An array is finite: each of its tasks gets a result, even if that is an error.
  async #list(tasks: readonly (T | PromiseLike<T>)[]): Promise<void> {
    for (const task of tasks) {
      await this.#room()
      if (!isThenable(task)) {
        this.#begin(task)
        continue
      }
      const awaited = await this.#beforeOver(task as PromiseLike<T>)
      if (awaited !== undefined) this.#begin(awaited.task)
      else this.#ends.push({ status: 'rejected', reason: this.#owner.refusal() })
    }
  }

  async #pull(tasks: Pull<T>): Promise<void> {
    const forget = this.#owner.onOver(() => tasks.stop())
    try {
      while (!this.#owner.over) {
        const step = tasks.next()
        const { done, value } = step instanceof Promise ? await step : step
        if (done) tasks.ended()
        if (done || this.#owner.over) break
        this.#begin(value)
        await this.#room()
      }
      tasks.stop()
    } catch (error) {
      tasks.ended()
      throw error
    } finally {
      forget()
    }
  }

  #beforeOver(task: PromiseLike<T>): Promise<{ task: T } | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#owner.over) resolve(undefined)
      const forget = this.#owner.onOver(() => resolve(undefined))
      Promise.resolve(task)
        .then((value) => resolve({ task: value }), reject)
        .finally(forget)
    })
  }

  async #room(): Promise<void> {
    while (this.#running >= this.#concurrency || this.#bytes >= MAX_BYTES) await this.#change()
  }

  #begin(task: T): void {
    const index = this.#ends.push(UNFINISHED) - 1
    this.#running += 1
    let sent = 0
    const acknowledged = (): void => {
      this.#bytes -= sent
      sent = 0
      this.#changed?.()
    }
    const end = (result: PromiseSettledResult<unknown>): void => {
      this.#ends[index] = result
      this.#running -= 1
      acknowledged()
    }
    const reject = (reason: unknown): void => end({ status: 'rejected', reason })
    try {
      this.#owner.submit(task, {
        sending: (bytes) => {
          sent = bytes
          this.#bytes += bytes
        },
        acknowledged,
        resolve: (value) => end({ status: 'fulfilled', value }),
        reject,
      })
    } catch (error) {
      reject(error)
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve
    })
  }
}
