import { randomUUID } from 'node:crypto'
import { isDate } from 'node:util/types'
import {
  abortSignal,
  bool,
  type Checks,
  callback,
  isThenable,
  messageOf,
  milliseconds,
  OptionRules,
  oneOf,
  text,
  wholeNumberFrom,
  wrong,
} from '@glammp/wire'
import { type Codec, type CodecOption, codecOf, encodeWith, isStream } from '../codec.js'
import type { FunctionReference } from '../definition.js'
import { GearmanError, InvalidArgumentError } from '../errors.js'
import { FunctionNames } from '../names/function-name.js'
import { encodeUnique } from '../names/unique.js'
import { checkCodec, checkOptions, type Settings } from '../options.js'
import { PacketType } from '../protocol/packet.js'
import { isContext, type TraceContext, withContext } from '../protocol/trace-context.js'
import type { JobOrder } from './servers/submission.js'
import { WorkloadStream } from './workload-stream.js'

/** gearmand hands out high before normal before low, in 1.1 within each function only. */
export type Priority = 'high' | 'normal' | 'low'

/** Settings of one job. */
export interface JobOptions {
  /**
   * Jobs of one function with equal ids are one job with several waiters while it is queued or
   * runs. At most 63 bytes; `'-'` takes the workload itself as the id. A background job without one
   * gets a UUID, a foreground job without one is never joined with another.
   */
  readonly unique?: string | undefined
  /** @defaultValue 'normal' */
  readonly priority?: Priority | undefined
  /** True: done once gearmand has acknowledged the job, with the handle as its result. */
  readonly background?: boolean | undefined
  /** Milliseconds that the result may take, from now. @defaultValue none */
  readonly timeout?: number | undefined
  /** Aborts the wait; a job that gearmand already has may still run. */
  readonly signal?: AbortSignal | undefined
  /** The worker's progress. */
  readonly onStatus?: ((numerator: number, denominator: number) => void) | undefined
  /** Partial results, each decoded by the job's codec. */
  readonly onData?: ((chunk: unknown) => void) | undefined
  /** The worker's warnings. */
  readonly onWarning?: ((text: string) => void) | undefined
  /** How workload and result are encoded; the definition's or the client's if absent. */
  readonly codec?: CodecOption | undefined
  /**
   * Bytes of a workload that comes in pieces: a Readable, a web stream, any async iterable of bytes
   * or text. It is read before the job is submitted, without the codec; a different length is an
   * InvalidArgumentError.
   */
  readonly length?: number | undefined
  /**
   * How often the job may be sent again when its connection was lost, though it may have run.
   * @defaultValue 0
   */
  readonly retries?: number | undefined
  /**
   * Makes it a reduce job: the handler finds the name of this function in `job.reducer`, and should
   * pass the parts of its result to it. gearmand itself does nothing with it, and has reduce jobs
   * of normal priority only.
   */
  readonly reducer?: string | undefined
}

/** When a job is due. gearmand has no recurring jobs: SUBMIT_JOB_SCHED was never implemented. */
export interface Schedule {
  /** A point in time, as a Date or in milliseconds since 1970. */
  readonly at?: Date | number | undefined
  /** Milliseconds from now. */
  readonly delay?: number | undefined
}

/** What the called method determines of a job, whatever its options say. */
export interface JobKind {
  readonly priority?: Priority
  readonly background?: true
  readonly schedule?: Schedule
}

/** An order with the codec for what comes back. */
export interface EncodedOrder {
  readonly order: JobOrder
  readonly codec: Codec
  /** The workload that the order still lacks. */
  readonly stream: WorkloadStream | undefined
  /** What is put in front of it. */
  readonly context: TraceContext | undefined
}

const SUBMIT_TYPES = {
  high: [PacketType.SUBMIT_JOB_HIGH, PacketType.SUBMIT_JOB_HIGH_BG],
  normal: [PacketType.SUBMIT_JOB, PacketType.SUBMIT_JOB_BG],
  low: [PacketType.SUBMIT_JOB_LOW, PacketType.SUBMIT_JOB_LOW_BG],
} as const

/** Longest workload that is used as a key unchanged. */
const MAX_KEY = 1_024

const NO_OPTIONS: JobOptions = {}

/** The known settings of every job and their valid values. */
const ORDER_CHECKS = {
  unique: (_name: string, value: unknown) => encodeUnique(value as string),
  timeout: milliseconds,
  signal: abortSignal,
  codec: checkCodec,
  length: wholeNumberFrom(0),
  retries: wholeNumberFrom(0),
} satisfies Partial<Checks<JobOptions>>

/** The known settings of a job and their valid values. */
export const JOB_CHECKS: Checks<JobOptions> = {
  ...ORDER_CHECKS,
  priority: oneOf('high', 'normal', 'low'),
  background: bool,
  onStatus: callback,
  onData: callback,
  onWarning: callback,
  reducer: text,
}

const JOB_RULES = new OptionRules<JobOptions>(JOB_CHECKS)

const SCHEDULE_RULES = new OptionRules<Schedule & Pick<JobOptions, keyof typeof ORDER_CHECKS>>({
  at: checkAt,
  delay: checkDelay,
  ...ORDER_CHECKS,
})

/** Checks what callers pass and turns it into orders, which are valid after this. */
export class JobOrders {
  readonly #names: FunctionNames
  readonly #codec: Codec
  readonly #context: (() => TraceContext | undefined) | undefined

  /** @param context - returns what the client sends along with a job. */
  constructor(settings: Settings, context?: () => TraceContext | undefined) {
    this.#context = context
    this.#names = new FunctionNames(settings.namespace)
    this.#codec = settings.codec
  }

  /** @throws {@link InvalidArgumentError} */
  build(
    fn: FunctionReference<unknown, unknown>,
    workload: unknown,
    options?: JobOptions,
    kind?: JobKind,
  ): EncodedOrder {
    try {
      return this.#build(fn, workload, options, kind)
    } catch (cause) {
      if (cause instanceof GearmanError) throw cause
      // Thrown by a getter, a Proxy, or `traceContext`.
      throw new InvalidArgumentError(`invalid job: ${messageOf(cause)}`, { cause })
    }
  }

  #build(
    fn: FunctionReference<unknown, unknown>,
    workload: unknown,
    options: JobOptions = NO_OPTIONS,
    kind?: JobKind,
  ): EncodedOrder {
    const name = typeof fn === 'object' && fn !== null ? fn.name : fn
    const schedule = kind?.schedule
    if (schedule !== undefined) checkSchedule(options as Schedule, name)
    else if (options !== NO_OPTIONS) checkOptions('a job', JOB_RULES, options, name)
    const chosen = options.codec ?? (typeof fn === 'object' ? fn?.codec : undefined)
    const codec = chosen === undefined ? this.#codec : codecOf(chosen)
    const types = typesOf(kind?.priority ?? options.priority ?? 'normal', name)
    const background = schedule !== undefined || (kind?.background ?? options.background) === true
    const stream = isStream(workload)
      ? new WorkloadStream(workload, options.length, name)
      : undefined
    if (stream === undefined && options.length !== undefined) {
      throw new InvalidArgumentError('`length` is for a workload that comes in pieces', {
        function: name,
      })
    }
    const data = stream === undefined ? encodeWith(codec, workload, name) : ''
    const unique = options.unique === undefined ? undefined : encodeUnique(options.unique)
    // The queue modules of gearmand use the id as the key of their rows: without one, jobs
    // overwrite each other. In the foreground nothing is stored, and having no id is the cheapest.
    const sent = unique ?? (background ? randomUUID() : '')
    let args = `${this.#names.encode(name)}\0${sent}`
    const key = unique === '-' ? workloadKey(args, data) : unique && args
    let type: PacketType = types[background ? 1 : 0]
    if (schedule !== undefined) {
      args += `\0${dueSeconds(schedule)}`
      type = PacketType.SUBMIT_JOB_EPOCH
    }
    if (options.reducer !== undefined) {
      if (types !== SUBMIT_TYPES.normal || schedule !== undefined) {
        throw new InvalidArgumentError('a reduce job has normal priority and runs at once', {
          function: name,
        })
      }
      // gearmand 1.1.20 requires the fourth argument, an aggregator, and passes it to nobody.
      args += `\0${this.#names.encode(options.reducer)}\0`
      type = background ? PacketType.SUBMIT_REDUCE_JOB_BACKGROUND : PacketType.SUBMIT_REDUCE_JOB
    }
    const { retries = 0 } = options
    // Under the id `-` equal workloads are one job: nothing may differ between them.
    const context = unique === '-' ? undefined : this.#context?.()
    if (context !== undefined) checkContext(context, name)
    const order = { type, background, name, args, key, data, retries }
    if (context !== undefined && stream === undefined) order.data = withContext(context, data)
    return { order, codec, stream, context }
  }
}

/**
 * @throws {@link InvalidArgumentError} if it is not what was checked: a getter may return anything.
 */
function typesOf(priority: Priority, name: string): readonly [PacketType, PacketType] {
  if (Object.hasOwn(SUBMIT_TYPES, priority)) return SUBMIT_TYPES[priority]
  throw new InvalidArgumentError("priority is one of 'high', 'normal', 'low'", { function: name })
}

/** @throws {@link InvalidArgumentError} */
function checkContext(context: unknown, name: string): void {
  if (isThenable(context)) Promise.resolve(context).catch(() => {})
  else if (isContext(context)) return
  throw new InvalidArgumentError('traceContext returns an object of strings', { function: name })
}

/** Gives an order the workload that it lacked. */
export function fill({ order, context }: EncodedOrder, data: Buffer): void {
  if (order.key === order.args && order.args.endsWith('\0-')) {
    order.key = workloadKey(order.args, data)
  }
  order.data = context === undefined ? data : withContext(context, data)
}

/**
 * Under the id `-`, jobs with equal workloads are one job. Choosing a server looks at every
 * character of a key, which need not distinguish all workloads: for a long one its length and its
 * ends are enough.
 */
function workloadKey(args: string, data: string | Uint8Array): string {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  const { buffer, byteOffset, length } = bytes
  const view = Buffer.from(buffer, byteOffset, length)
  if (length <= MAX_KEY) return args + view.toString('latin1')
  const end = view.toString('latin1', length - MAX_KEY / 2)
  return `${args}${length}\0${view.toString('latin1', 0, MAX_KEY / 2)}${end}`
}

/** @throws {@link InvalidArgumentError} */
function checkSchedule(options: Schedule, name: unknown): void {
  if (typeof options === 'object' && options !== null) {
    for (const field of ['minute', 'hour', 'day', 'month', 'weekday']) {
      if (!Object.hasOwn(options, field)) continue
      throw new InvalidArgumentError(
        `a schedule has no \`${field}\`: no gearmand implements SUBMIT_JOB_SCHED; use \`at\` or \`delay\``,
      )
    }
  }
  checkOptions('a schedule', SCHEDULE_RULES, options, name)
}

function checkAt(name: string, value: unknown): void {
  const time = isDate(value) ? value.getTime() : value
  if (typeof time === 'number' && time >= 0 && time <= LAST_DATE) return
  throw new TypeError(wrong(name, 'a Date or milliseconds since 1970', value))
}

function checkDelay(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 0 && value <= LAST_DATE) return
  throw new TypeError(wrong(name, 'milliseconds from now, from 0', value))
}

/** The last moment that a Date can hold. */
const LAST_DATE = 8.64e15

/** gearmand counts whole seconds; rounded up, a job never starts early. */
function dueSeconds({ at, delay }: Schedule): number {
  if ((at === undefined) === (delay === undefined)) {
    throw new InvalidArgumentError('a schedule has either `at` or `delay`')
  }
  const due = delay === undefined ? Number(at) : Date.now() + delay
  return Math.ceil(due / 1_000)
}
