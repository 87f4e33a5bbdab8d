import { GearmanClient, GearmanError, JobExceptionError } from '@glammp/gearman'
import type { Asked, Call, Departure, Failure, Outcome, Seen } from '../history.js'
import type { AskAction, CallAction, ClientPlan, JobPlan } from '../program/program.js'
import { open, orderOf, STEPS } from './message.js'
import type { Stage } from './stage.js'

/** A client of the program: one after the other. */
export class ClientPlace {
  readonly calls: Call[] = []
  readonly asked: Asked[] = []
  readonly #index: number
  readonly #plan: ClientPlan
  readonly #stage: Stage
  readonly #departures: Departure[]
  /** What has not ended, by what it is. */
  readonly #waiting = new Map<Promise<void>, string>()
  #client: GearmanClient<'buffer'>
  #life = 0
  readonly #made: GearmanClient<'buffer'>[] = []

  constructor(index: number, stage: Stage, departures: Departure[]) {
    const plan = stage.program.clients[index]
    if (plan === undefined) throw new Error(`the program has no client ${index}`)
    this.#index = index
    this.#plan = plan
    this.#stage = stage
    this.#departures = departures
    this.#client = this.#connect()
  }

  get client(): GearmanClient<'buffer'> {
    return this.#client
  }

  /** Connections of it and of those before it, as they count them. */
  get open(): number {
    const servers = this.#made.flatMap((client) => Object.values(client.metrics().servers))
    return servers.reduce((sum, { connections }) => sum + connections.open, 0)
  }

  call(action: CallAction): void {
    const calls = action.jobs.map((job) => this.#begin(action, job))
    const [call] = calls
    if (call === undefined) return
    if (action.method === 'runTasks') this.#runTasks(calls)
    else if (action.method === 'submit' || action.method === 'loop') this.#submit(call)
    else this.#do(call)
  }

  ask({ how, job }: AskAction, calls: readonly Call[]): void {
    const call = calls.find((each) => each.job.id === job)
    const handle = call?.handle
    if (how !== 'ping' && (call === undefined || handle === undefined)) return
    const asked: Asked = {
      client: this.#index,
      life: this.#life,
      how,
      job,
      handle,
      begun: this.#stage.now(),
      ended: undefined,
      failure: undefined,
      answer: undefined,
    }
    this.asked.push(asked)
    const answer =
      how === 'ping'
        ? this.#client.ping()
        : how === 'jobStatus'
          ? this.#client.jobStatus(this.#asNamedHere(handle ?? ''))
          : this.#client.jobStatusByUnique(call?.job.unique ?? '')
    this.#track(
      how,
      answer.then(
        (status) => {
          asked.ended = this.#stage.now()
          asked.answer = status ?? undefined
        },
        (error: unknown) => {
          asked.ended = this.#stage.now()
          asked.failure = failureOf(error)
        },
      ),
    )
  }

  /** Closes it amid its calls; another one takes its place. */
  replace(): void {
    const client = this.#client
    const life = this.#life
    this.#life += 1
    this.#client = this.#connect()
    this.#track('close', this.#close(client, life))
  }

  async leave(): Promise<void> {
    await this.#close(this.#client, this.#life)
  }

  /** Resolves when every call has ended. */
  async calm(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.all(this.#waiting.keys())
  }

  /** What has not ended. */
  get waiting(): string[] {
    return [...this.#waiting.values()].map((what) => `${what} of client ${this.#index}`)
  }

  async stop(): Promise<void> {
    await this.#client.close({ timeout: 1 })
  }

  #connect(): GearmanClient<'buffer'> {
    const { timeout, connectTimeout, heartbeat } = this.#plan
    const servers = this.#stage.addresses(this.#plan)
    const codec = 'buffer'
    const client = new GearmanClient({ servers, timeout, connectTimeout, heartbeat, codec })
    this.#made.push(client)
    return client
  }

  async #close(client: GearmanClient<'buffer'>, life: number): Promise<void> {
    const begun = this.#stage.now()
    const departure: Departure = {
      who: 'client',
      index: this.#index,
      life,
      begun,
      ended: undefined,
      failure: undefined,
      timeout: undefined,
    }
    this.#departures.push(departure)
    try {
      await client.close()
    } catch (error) {
      departure.failure = `close of client ${this.#index} failed: ${error}`
    }
    departure.ended = this.#stage.now()
  }

  #begin({ method, timeout, retries }: CallAction, job: JobPlan): Call {
    const call: Call = {
      job,
      client: this.#index,
      life: this.#life,
      method,
      timeout,
      retries,
      begun: this.#stage.now(),
      handle: undefined,
      ended: undefined,
      outcome: undefined,
      seen: [],
    }
    this.calls.push(call)
    return call
  }

  #do(call: Call): void {
    const { method, job, seen } = call
    const workload = orderOf(job)
    const client = this.#client
    switch (method) {
      case 'do':
      case 'doHigh':
      case 'doLow': {
        const options = { ...given(call), ...watching(seen) }
        this.#track(
          `job ${job.id}`,
          this.#settle(call, client[method]<Buffer>(job.fn, workload, options)),
        )
        break
      }
      case 'doBackground':
      case 'doHighBackground':
      case 'doLowBackground':
        this.#track(
          `job ${job.id}`,
          this.#settle(call, client[method](job.fn, workload, given(call))),
        )
    }
  }

  #submit(call: Call): void {
    const { job, seen, method } = call
    const task = this.#client.submit(job.fn, orderOf(job), given(call))
    const { onData, onStatus, onWarning } = watching(seen)
    task.on('created', (handle) => {
      call.handle = handle
    })
    task.on('status', onStatus).on('warning', onWarning)
    const over = (): void => {
      seen.push({ what: 'end' })
    }
    task.on('complete', over).on('fail', over).on('exception', over)
    if (method === 'submit') task.on('data', onData)
    else this.#track(`loop of job ${job.id}`, read(task, onData))
    this.#track(`job ${job.id}`, this.#settle(call, task.result))
  }

  #runTasks(calls: readonly Call[]): void {
    const tasks = calls.map((call) => ({
      function: call.job.fn,
      workload: orderOf(call.job),
      ...given(call),
      ...watching(call.seen),
    }))
    const ends = this.#client.runTasks<Buffer>(tasks)
    for (const [index, call] of calls.entries()) {
      const end = ends.then((all) => {
        const own = all[index]
        if (own?.status === 'fulfilled') return own.value
        throw own?.reason
      })
      this.#track(`job ${call.job.id}`, this.#settle(call, end))
    }
  }

  async #settle(call: Call, result: Promise<Buffer | string>): Promise<void> {
    let outcome: Outcome
    try {
      const value = await result
      if (typeof value === 'string') {
        call.handle = value
        outcome = { kind: 'handle' }
      } else {
        const message = open(value)
        outcome =
          message?.kind === 'result'
            ? { kind: 'result', job: message.job, run: message.run }
            : { kind: 'garbage' }
      }
    } catch (error) {
      if (error instanceof GearmanError) call.handle ??= error.handle
      outcome = { kind: 'error', ...failureOf(error) }
    }
    call.ended = this.#stage.now()
    call.outcome = outcome
  }

  #track(what: string, ended: Promise<void>): void {
    this.#waiting.set(ended, what)
    void ended.finally(() => this.#waiting.delete(ended))
  }

  /** A handle names the server as the client that got it does. */
  #asNamedHere(handle: string): string {
    const [address = '', local = ''] = handle.split('//')
    const { names } = this.#stage
    const server = names.get(address)
    const own = this.#stage.addresses(this.#plan).find((each) => names.get(each) === server)
    return `${own ?? address}//${local}`
  }
}

const given = ({ job, timeout, retries }: Call) => ({ unique: job.unique, timeout, retries })

const watching = (seen: Seen[]) => ({
  onData: (chunk: unknown): void => {
    const message = open(chunk as Buffer)
    if (message?.kind !== 'data') seen.push({ what: 'garbage' })
    else seen.push({ what: 'data', job: message.job, run: message.run, index: message.index })
  },
  onStatus: (numerator: number, denominator: number): void => {
    const job = Math.floor(numerator / STEPS)
    seen.push({ what: 'status', job, run: denominator, index: numerator % STEPS })
  },
  onWarning: (text: string): void => {
    seen.push({
      what: 'warning',
      ...(JSON.parse(text) as { job: number; run: number; index: number }),
    })
  },
})

const read = async (
  task: AsyncIterable<unknown>,
  onData: (chunk: unknown) => void,
): Promise<void> => {
  try {
    for await (const chunk of task) onData(chunk)
  } catch {
    // The task says the same.
  }
}

const failureOf = (error: unknown): Failure => {
  const own = error instanceof GearmanError
  return {
    own,
    code: own ? error.code : String(error),
    message: error instanceof Error ? error.message : '',
    server: own ? error.server : undefined,
    thrown: error instanceof JobExceptionError ? error.remoteMessage : undefined,
  }
}
