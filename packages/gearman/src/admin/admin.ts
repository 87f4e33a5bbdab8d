import { bool, type CloseOptions, endWithin, OptionRules, wholeNumberFrom } from '@glammp/wire'
import { type GearmanError, ServerError } from '../errors.js'
import { FunctionNames } from '../names/function-name.js'
import { type JobHandle, parseHandle } from '../names/handle.js'
import {
  adminOptions,
  CALL_CHECKS,
  type CallOptions,
  checkCall,
  checkOptions,
  type GearmanAdminOptions,
  resolveSettings,
  type ServerList,
  wholeNumber,
} from '../options.js'
import { fromByteText } from '../protocol/packet.js'
import { MalformedPacketError } from '../protocol/packet-decoder.js'
import { readVersion, type TextCommand } from '../protocol/text.js'
import {
  type ConnectedWorker,
  type FunctionPriorities,
  type FunctionStatus,
  type QueuedJob,
  readConnectedWorker,
  readFunctionPriorities,
  readFunctionStatus,
  readQueuedJob,
} from '../protocol/text-rows.js'
import { AdminServers } from './admin-servers.js'

/** What each server answered, keyed by its address; the error if it could not be asked. */
export type PerServer<T> = Record<string, T | GearmanError>

/** What `shutdown` takes. */
type ShutdownOptions = CallOptions & { readonly graceful?: boolean | undefined }

const SHUTDOWN_RULES = new OptionRules<ShutdownOptions>({ graceful: bool, ...CALL_CHECKS })

/** Most jobs that a function's queue may hold, by priority; one that is absent has no limit. */
export interface MaxQueue {
  readonly high?: number | undefined
  readonly normal?: number | undefined
  readonly low?: number | undefined
}

const UNIQUE_IDS: TextCommand = { line: 'show unique jobs', list: true, fenced: true }

/** gearmand's word for "no limit" of a queue. */
const NO_LIMIT = 0

/** gearmand reads a limit into 32 bits. */
const MOST = 2 ** 31 - 1

const LIMIT_RULES = new OptionRules<MaxQueue>(
  {
    high: wholeNumberFrom(1, MOST),
    normal: wholeNumberFrom(1, MOST),
    low: wholeNumberFrom(1, MOST),
  },
  'a number or ',
)

/**
 * Inspects and controls gearmand through the text commands of its port. Queries go to every server
 * and resolve to the answer of each, keyed by address, with an error for one that could not be
 * asked. Commands that change something go to every server too, and reject with the error of the
 * first that refused or could not be asked; the others have done it.
 */
export class GearmanAdmin implements AsyncDisposable {
  readonly #servers: AdminServers
  readonly #timeout: number
  readonly #names: FunctionNames = new FunctionNames('')

  /**
   * @param options - servers as text or an array, or all options.
   * @throws InvalidArgumentError
   */
  constructor(options: GearmanAdminOptions | ServerList = {}) {
    const settings = resolveSettings(adminOptions(options))
    this.#servers = new AdminServers(settings)
    this.#timeout = settings.timeout
  }

  /** The functions that each server knows, with their jobs and workers, in no order. */
  status(options?: CallOptions): Promise<PerServer<FunctionStatus[]>> {
    return this.#rows('status', readFunctionStatus, options)
  }

  /**
   * The queued jobs of each function by priority. gearmand 1.1.15 or newer; it walks over every
   * job for it, and does nothing else meanwhile.
   */
  priorityStatus(options?: CallOptions): Promise<PerServer<FunctionPriorities[]>> {
    return this.#rows('prioritystatus', readFunctionPriorities, options)
  }

  /** The connections of each server: workers, clients, and this one. */
  workers(options?: CallOptions): Promise<PerServer<ConnectedWorker[]>> {
    return this.#rows('workers', readConnectedWorker, options)
  }

  /** The version of each server, for example `1.1.20+ds`. */
  version(options?: CallOptions): Promise<PerServer<string>> {
    return this.#ask(oneLine('version'), readVersion, options)
  }

  /** The process id of each server. */
  pid(options?: CallOptions): Promise<PerServer<number>> {
    return this.#ask(oneLine('getpid'), (lines) => Number(readOk(lines)), options)
  }

  /** The log level of each server, for example `ERROR`; it is set at its start only. */
  verbose(options?: CallOptions): Promise<PerServer<string>> {
    return this.#ask(oneLine('verbose'), readOk, options)
  }

  /** Every job of each server; gearmand walks over all of them for it. */
  showJobs(options?: CallOptions): Promise<PerServer<QueuedJob[]>> {
    return this.#rows('show jobs', readQueuedJob, options)
  }

  /** The unique ids of the jobs of each server that have one. */
  showUniqueJobs(options?: CallOptions): Promise<PerServer<string[]>> {
    // An id may be the full stop that ends a list.
    return this.#ask(UNIQUE_IDS, (lines) => lines.map(fromByteText), options)
  }

  /**
   * Limits how many jobs, queued and running, a function may have; a job over the limit is refused
   * with QUEUE_ERROR. gearmand forgets the limit when it ends, and ignores it for a function that
   * it does not know yet.
   *
   * @param limit - a number for all priorities, one for each, or `undefined` for no limit.
   */
  async maxQueue(fn: string, limit?: number | MaxQueue, options?: CallOptions): Promise<void> {
    await this.#all(`maxqueue ${this.#names.encode(fn)}${queueLimits(limit)}`, options)
  }

  /**
   * Cancels a job: its clients see it fail, and no worker gets it. A job that is already running
   * goes on.
   *
   * @param handle - with its server (`host:port//H:name:1`), or bare: then all servers are asked.
   * @returns False if no server knows the job.
   * @throws InvalidArgumentError if this admin does not have the handle's server.
   */
  async cancelJob(handle: string, options?: CallOptions): Promise<boolean> {
    const parsed = parseHandle(handle)
    const answers = await this.#ask(oneLine(`cancel job ${parsed.local}`), readOk, options, parsed)
    let cancelled = false
    let failure: GearmanError | undefined
    for (const answer of Object.values(answers)) {
      if (!(answer instanceof Error)) cancelled = true
      else if (!refusedFor(answer, /UNKNOWN_JOB/)) failure = answer
    }
    // The server that could not be asked may have the job.
    if (!cancelled && failure !== undefined) throw failure
    return cancelled
  }

  /** Makes a function known, so that {@link maxQueue} can bound it before its first job. */
  async createFunction(fn: string, options?: CallOptions): Promise<void> {
    await this.#all(`create function ${this.#names.encode(fn)}`, options)
  }

  /**
   * Forgets a function; gearmand 1.1 ignores the case of its name, and does not check whether jobs
   * of it are queued.
   *
   * @returns False if no server knows the function.
   * @throws ServerError if it has workers or running jobs.
   */
  async dropFunction(fn: string, options?: CallOptions): Promise<boolean> {
    const line = `drop function ${this.#names.encode(fn)}`
    const done = await this.#all(line, options, /function not found/)
    return done > 0
  }

  /**
   * Ends the servers; `graceful` lets them finish what they have.
   *
   * @throws ServerError with the code `UNKNOWN_COMMAND` from gearmand 1.1.15 and newer, which no
   * longer has it: send the process SIGTERM, or SIGUSR1 for a graceful end.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    checkOptions('shutdown', SHUTDOWN_RULES, options)
    const { graceful, timeout, signal } = options
    await this.#all(graceful ? 'shutdown graceful' : 'shutdown', { timeout, signal })
  }

  /**
   * Waits for the commands under way, then leaves; later ones reject with ClosedError. After
   * `timeout`, or when the signal aborts, those under way end with ClosedError too.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkCall('close', options)
    await endWithin(this.#servers.close(), options, (why) => this.#servers.drop(why))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #rows<T>(
    line: string,
    read: (line: string) => T,
    options: CallOptions | undefined,
  ): Promise<PerServer<T[]>> {
    return this.#ask({ line, list: true }, (lines) => lines.map((each) => read(each)), options)
  }

  /** The answer of each server, or of the server of a handle. */
  async #ask<T>(
    command: TextCommand,
    read: (lines: readonly string[]) => T,
    options: CallOptions = {},
    handle?: JobHandle,
  ): Promise<PerServer<T>> {
    checkCall('an admin command', options)
    const { timeout = this.#timeout, signal } = options
    const limits = { timeout, signal }
    return await this.#servers.ask(command, limits, read, handle)
  }

  /** On how many servers it was done; a refusal that `harmless` matches is no failure. */
  async #all(line: string, options: CallOptions | undefined, harmless?: RegExp): Promise<number> {
    const answers = Object.values(await this.#ask(oneLine(line), readOk, options))
    let done = 0
    for (const answer of answers) {
      if (!(answer instanceof Error)) done += 1
      else if (harmless === undefined || !refusedFor(answer, harmless)) throw answer
    }
    return done
  }
}

/** A command that is answered in one line. */
function oneLine(line: string): TextCommand {
  return { line, list: false }
}

function refusedFor(error: GearmanError, words: RegExp): boolean {
  return error instanceof ServerError && words.test(error.message)
}

/** The text after `OK`. */
function readOk([line = '']: readonly string[]): string {
  const match = /^OK(?: (.*))?$/.exec(line)
  if (match === null) throw new MalformedPacketError(`not an answer: ${JSON.stringify(line)}`)
  return match[1] ?? ''
}

function queueLimits(limit: number | MaxQueue | undefined): string {
  if (limit === undefined) return ''
  if (typeof limit === 'number') return ` ${wholeNumber('a limit', limit, 1, MOST)}`
  checkOptions('maxQueue', LIMIT_RULES, limit)
  const { high = NO_LIMIT, normal = NO_LIMIT, low = NO_LIMIT } = limit
  return ` ${high} ${normal} ${low}`
}
