import { hostname } from 'node:os'
import {
  bool,
  callback,
  OptionRules,
  text,
  tlsOption,
  wholeNumber,
  wholeNumberFrom,
  wrong,
} from '@glammp/wire'
import {
  type ListenOptions,
  type Peer,
  type Reader,
  startSeveral,
  TestServer,
} from '@glammp/wire/testing'
import { AdminText } from './admin-text.js'
import { utf8 } from './c-text.js'
import { CLIENT_REQUESTS, type Handler } from './client-requests.js'
import { Idle, type IdleOptions } from './idle.js'
import type { ServerJob } from './job.js'
import { Jobs } from './jobs.js'
import type { Packet } from './packets.js'
import { requestOf, type ServerRequest } from './request.js'
import { Session } from './session.js'
import { WORKER_REQUESTS } from './worker-requests.js'

/** Options of {@link GearmanServer.start}, many of them named after gearmand's flags. */
export interface GearmanServerOptions extends Omit<ListenOptions, 'path'> {
  /** `--exceptions`: clients get WORK_EXCEPTION without having asked for it. @defaultValue false */
  readonly exceptions?: boolean | undefined
  /** `--job-retries`: losses of a worker after which a job fails; 0 for never. @defaultValue 0 */
  readonly jobRetries?: number | undefined
  /** `--round-robin`: workers get jobs of their functions by turns. @defaultValue false */
  readonly roundRobin?: boolean | undefined
  /** `--worker-wakeup`: sleeping workers that a job wakes; 0 for all. @defaultValue 0 */
  readonly workerWakeup?: number | undefined
  /** `--job-handle-prefix`: what handles begin with. @defaultValue `H:` and the name of the host */
  readonly handlePrefix?: string | undefined
}

/** With a number of ten digits behind it a handle has less than 64 bytes. */
const LONGEST_PREFIX = 52

const rules = new OptionRules<GearmanServerOptions>({
  port: wholeNumberFrom(0, 65_535),
  host: text,
  tls: tlsOption,
  clock: callback,
  exceptions: bool,
  jobRetries: wholeNumberFrom(0, 255),
  roundRobin: bool,
  workerWakeup: wholeNumberFrom(0, 255),
  handlePrefix: (name, value) => {
    text(name, value)
    const length = Buffer.byteLength(String(value))
    if (length > 0 && length <= LONGEST_PREFIX && !String(value).includes('\0')) return
    throw new RangeError(wrong(name, `a text of 1 to ${LONGEST_PREFIX} bytes without NUL`, value))
  },
})

const HANDLERS: ReadonlyMap<number, Handler> = new Map([...CLIENT_REQUESTS, ...WORKER_REQUESTS])

/**
 * A gearmand inside this process, for tests: it answers clients and workers in any language as
 * gearmand 1.1.20 does. Nothing is kept over its end.
 *
 * @example
 * ```ts
 * await using server = await GearmanServer.start()
 * const client = new GearmanClient(server.address)
 * ```
 */
export class GearmanServer extends TestServer<ServerRequest> {
  readonly #exceptions: boolean
  readonly #jobs: Jobs
  readonly #admin: AdminText
  readonly #idle: Idle
  readonly #sessions = new Set<Session>()
  #accepted = 0

  private constructor(options: GearmanServerOptions) {
    super(options)
    const { exceptions = false, jobRetries = 0, roundRobin = false, workerWakeup = 0 } = options
    const { handlePrefix = `H:${hostname()}`.slice(0, LONGEST_PREFIX) } = options
    this.#exceptions = exceptions
    this.#idle = new Idle(() => this.#jobs.open())
    this.#jobs = new Jobs(
      { jobRetries, roundRobin, workerWakeup, handlePrefix },
      {
        seconds: () => Math.floor(this.clock.now() / 1_000),
        after: (milliseconds, ring) => this.alarms.after(milliseconds, ring),
      },
      () => this.#idle.check(),
    )
    this.#admin = new AdminText(this.#jobs, () => [...this.#sessions].reverse())
  }

  /**
   * Starts a server; resolves when it accepts connections.
   *
   * @throws TypeError or RangeError, which name the option; an error of Node, such as `EADDRINUSE`.
   */
  static async start(options: GearmanServerOptions = {}): Promise<GearmanServer> {
    rules.check('GearmanServer', options)
    const server = new GearmanServer(options)
    await server.accept()
    return server
  }

  /** The jobs that wait or run now, the oldest first. */
  get jobs(): readonly ServerJob[] {
    return Array.from(this.#jobs.all, (job) => job.show())
  }

  /**
   * Resolves when no job is left to run: none is running, and none waits for a worker, be it a
   * foreground or a background job. Jobs whose time has not come do not count, nor do jobs that were
   * cancelled or whose clients are gone before a worker had them.
   *
   * @throws the reason of the signal; an Error when the timeout has passed or the server is closed.
   */
  async idle(options?: IdleOptions): Promise<void> {
    await this.#idle.wait(options)
  }

  override async close(): Promise<void> {
    this.#idle.close()
    await super.close()
  }

  protected override connected(peer: Peer): Reader {
    this.#accepted += 1
    const session = new Session(this.#accepted, peer, this.#service, this.#exceptions)
    this.#sessions.add(session)
    return session
  }

  readonly #service = {
    packet: (session: Session, packet: Packet): void => {
      this.remember(requestOf(packet), packet.data.length)
      const handler = HANDLERS.get(packet.type)
      if (!packet.isRequest) session.error('INVALID_MAGIC', 'Request magic expected')
      else if (handler === undefined) session.error('INVALID_COMMAND', 'Command not expected')
      else handler(this.#jobs, session, packet)
    },
    line: (session: Session, line: string): void => {
      this.remember({ packet: 'TEXT', line: utf8(line.replace(/\r?\n$/, '')) }, line.length)
      const answer = this.#admin.answer(line)
      if (answer === undefined) session.close()
      else session.say(answer)
    },
    left: (session: Session): void => {
      this.#sessions.delete(session)
      this.#jobs.leave(session)
    },
  }
}

/**
 * Starts so many servers. If one does not start, those that did are closed again.
 *
 * @example
 * ```ts
 * await using servers = await startGearmand(2)
 * ```
 */
export async function startGearmand(
  count: number,
  options: GearmanServerOptions = {},
): Promise<GearmanServer[] & AsyncDisposable> {
  wholeNumber('count', count, 0)
  return startSeveral(count, () => GearmanServer.start(options))
}
