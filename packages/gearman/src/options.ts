import type { ResourceLimits } from 'node:worker_threads'
import {
  type AddressRules,
  abortSignal,
  bool,
  type Checks,
  callback,
  milliseconds as checkMilliseconds,
  wholeNumber as checkWholeNumber,
  messageOf,
  numberThat,
  OptionRules,
  optionsOf,
  parseServers,
  type ServerAddress,
  type ServerObject,
  type TlsOptions,
  text,
  tlsOption,
  wholeNumberFrom,
} from '@glammp/wire'
import { type Codec, type CodecOption, codecOf } from './codec.js'
import { InvalidArgumentError } from './errors.js'
import type { TraceContext } from './protocol/trace-context.js'

/** Servers in the forms that callers use: `'a:4730,b'`, `{ host, port }`, or an array of either. */
export type ServersOption = string | ServerObject | readonly (string | ServerObject)[]

/** Only servers, in the place of options. */
export type ServerList = string | readonly (string | ServerObject)[]

/** What clients and workers have in common. All times are milliseconds. */
export interface ConnectionOptions<Chosen extends CodecOption = CodecOption> {
  /** Job servers; `GEARMAN_SERVERS` of the environment if absent, then `localhost:4730`. */
  readonly servers?: ServersOption | undefined
  /**
   * Limits every wait for gearmand itself: connection, acknowledgement, status, ping. @defaultValue
   * 5000
   */
  readonly timeout?: number | undefined
  /**
   * Limits one attempt to connect, name lookup and TLS included; then, if there are other servers,
   * also the wait of a client for the first answer. @defaultValue 1000
   */
  readonly connectTimeout?: number | undefined
  /** Encrypts the connections: `true`, or settings as `node:tls` takes them. */
  readonly tls?: boolean | TlsOptions | undefined
  /** Put in front of every function name. @defaultValue '' */
  readonly namespace?: string | undefined
  /** How workloads and results are encoded if a job names no codec. @defaultValue 'string' */
  readonly codec?: Chosen | undefined
  /**
   * After this many milliseconds of silence a server is asked whether it still lives, and its
   * connection is closed if it does not answer within `timeout`; `false`: never.
   * @defaultValue 30000
   */
  readonly heartbeat?: number | false | undefined
}

export interface GearmanClientOptions<Chosen extends CodecOption = CodecOption>
  extends ConnectionOptions<Chosen> {
  /** Calls that may be under way at once; more are refused with QueueFullError. @defaultValue 100000 */
  readonly maxPending?: number | undefined
  /**
   * Called for every job when it is submitted: what it returns is sent in front of the workload,
   * and the handler finds it in `job.traceContext`. Workers of other libraries treat it as a part
   * of the workload. A job with the unique id `'-'` has none.
   */
  readonly traceContext?: (() => TraceContext | undefined) | undefined
}

/** Options of `new GearmanAdmin(...)`. It has no namespace: it sees all of each server. */
export type GearmanAdminOptions = Pick<
  ConnectionOptions,
  'servers' | 'timeout' | 'connectTimeout' | 'tls'
>

export interface GearmanWorkerOptions<Chosen extends CodecOption = CodecOption>
  extends ConnectionOptions<Chosen> {
  /** Jobs that may run at once, over all functions and servers. @defaultValue 1 */
  readonly concurrency?: number | undefined
  /** The worker's name in gearmand's `workers` list; gearmand cuts it to 127 bytes. */
  readonly clientId?: string | undefined
  /** On SIGTERM and SIGINT finish the running jobs, then stop. @defaultValue false */
  readonly handleSignals?: boolean | undefined
  /**
   * An idle worker asks for jobs at this interval in milliseconds: gearmand 1.1 wakes nobody when a
   * scheduled job falls due, gearmand 2 does. @defaultValue none: it waits to be woken
   */
  readonly pollInterval?: number | undefined
  /** For handlers that are given as the path of a module. */
  readonly sandbox?: SandboxOptions | undefined
}

/** Threads for handlers that are given as the path of a module. All times are milliseconds. */
export interface SandboxOptions {
  /** Threads at most. @defaultValue the worker's `concurrency` */
  readonly threads?: number | undefined
  /**
   * The time that a handler has to end after its `job.signal` was aborted; then its thread is
   * ended.
   * @defaultValue 1000
   */
  readonly grace?: number | undefined
  /** An idle thread is ended after this time. @defaultValue 30000 */
  readonly idleTimeout?: number | undefined
  /** Memory of each thread, as `node:worker_threads` takes it: one that needs more fails its job. */
  readonly resourceLimits?: ResourceLimits | undefined
}

/** {@link ConnectionOptions} checked and filled in. */
export interface Settings {
  readonly servers: readonly ServerAddress[]
  readonly timeout: number
  readonly connectTimeout: number
  readonly tls: TlsOptions | undefined
  readonly namespace: string
  readonly codec: Codec
  /** 0 for none. */
  readonly heartbeat: number
}

const RULES: AddressRules = {
  defaultPort: 4730,
  schemes: { gearman: { tls: false }, gearmans: { tls: true } },
}

const ADMIN_CHECKS: Checks<GearmanAdminOptions> = {
  servers: notNull,
  timeout: checkMilliseconds,
  connectTimeout: checkMilliseconds,
  tls: tlsOption,
}

const CONNECTION_CHECKS: Checks<ConnectionOptions> = {
  ...ADMIN_CHECKS,
  namespace: text,
  codec: checkCodec,
  heartbeat: (name, value) => value === false || checkMilliseconds(name, value),
}

const ADMIN_RULES = new OptionRules<GearmanAdminOptions>(ADMIN_CHECKS, 'servers or ')

const CLIENT_RULES = new OptionRules<GearmanClientOptions>(
  { ...CONNECTION_CHECKS, maxPending: wholeNumberFrom(1), traceContext: callback },
  'servers or ',
)

const megabytes = numberThat(
  'a number of megabytes over 0',
  (value) => value > 0 && value < Number.POSITIVE_INFINITY,
)

const WORKER_RULES = new OptionRules<GearmanWorkerOptions>(
  {
    ...CONNECTION_CHECKS,
    concurrency: wholeNumberFrom(1),
    clientId: text,
    handleSignals: bool,
    pollInterval: checkMilliseconds,
    sandbox: optionsOf<SandboxOptions>({
      threads: wholeNumberFrom(1),
      grace: checkMilliseconds,
      idleTimeout: checkMilliseconds,
      resourceLimits: optionsOf<ResourceLimits>({
        maxOldGenerationSizeMb: megabytes,
        maxYoungGenerationSizeMb: megabytes,
        codeRangeSizeMb: megabytes,
        stackSizeMb: megabytes,
      }),
    }),
  },
  'servers or ',
)

/** What every call takes. */
export interface CallOptions {
  /** Milliseconds for this call, in place of the `timeout` of the client or admin. */
  readonly timeout?: number | undefined
  /** Rejects the call with the signal's reason. What was sent may still be carried out. */
  readonly signal?: AbortSignal | undefined
}

/** What the options of every call may be. */
export const CALL_CHECKS: Checks<CallOptions> = { timeout: checkMilliseconds, signal: abortSignal }

const CALL_RULES = new OptionRules<CallOptions>(CALL_CHECKS)

/** @throws {@link InvalidArgumentError} for invalid options of a call. */
export function checkCall(owner: string, options: CallOptions): void {
  checkOptions(owner, CALL_RULES, options)
}

/** @throws {@link InvalidArgumentError} for unknown options. */
export function checkOptions<T extends object>(
  owner: string,
  rules: OptionRules<T>,
  options: T,
  fn?: unknown,
): void {
  asArgument(() => rules.check(owner, options), fn)
}

/**
 * Runs a check of wire, whose errors are not this package's.
 *
 * @throws {@link InvalidArgumentError} with what it throws as its cause.
 */
export function asArgument<T>(check: () => T, fn?: unknown): T {
  try {
    return check()
  } catch (cause) {
    const name = typeof fn === 'string' ? fn : undefined
    throw new InvalidArgumentError(messageOf(cause), { function: name, cause })
  }
}

/** For `OptionRules`. */
export function checkCodec(_name: string, value: unknown): void {
  codecOf(value as CodecOption)
}

function notNull(name: string, value: unknown): void {
  if (value === null) throw new TypeError(`${name} is a string, an object or an array; not null`)
}

/** @throws {@link InvalidArgumentError} for anything but servers or options of a client. */
export function clientOptions(given: GearmanClientOptions | ServerList): GearmanClientOptions {
  return withServers('a client', given, CLIENT_RULES)
}

/** @throws {@link InvalidArgumentError} for anything but servers or options of a worker. */
export function workerOptions(given: GearmanWorkerOptions | ServerList): GearmanWorkerOptions {
  return withServers('a worker', given, WORKER_RULES)
}

/** @throws {@link InvalidArgumentError} for anything but servers or options of an admin. */
export function adminOptions(given: GearmanAdminOptions | ServerList): GearmanAdminOptions {
  return withServers('an admin', given, ADMIN_RULES)
}

function withServers<T extends ConnectionOptions>(
  owner: string,
  given: T | ServerList,
  rules: OptionRules<T>,
): T {
  if (typeof given === 'string' || Array.isArray(given)) return { servers: given } as unknown as T
  checkOptions(owner, rules, given as T)
  return given as T
}

/** @throws {@link InvalidArgumentError} for invalid options. */
export function resolveSettings(options: ConnectionOptions): Settings {
  const { namespace = '', tls = false } = options
  const { GEARMAN_SERVERS: env } = process.env
  return {
    servers: resolveServers(
      options.servers ?? (env === undefined || env.trim() === '' ? 'localhost' : env),
    ),
    timeout: options.timeout ?? 5_000,
    connectTimeout: options.connectTimeout ?? 1_000,
    tls: tls === true ? {} : tls === false ? undefined : tls,
    namespace,
    codec: codecOf(options.codec ?? 'string'),
    heartbeat: options.heartbeat === false ? 0 : (options.heartbeat ?? 30_000),
  }
}

/** @throws {@link InvalidArgumentError} for text that names no server, or one twice. */
export function resolveServers(servers: ServersOption): ServerAddress[] {
  return asArgument(() => parseServers(servers, RULES))
}

/** @throws {@link InvalidArgumentError} unless `value` is over 0 and fits a timer. */
export function milliseconds(name: string, value: number): number {
  return asArgument(() => checkMilliseconds(name, value))
}

/** @throws {@link InvalidArgumentError} unless `value` is a whole number from `least` to `most`. */
export function wholeNumber(name: string, value: number, least: number, most?: number): number {
  return asArgument(() => checkWholeNumber(name, value, least, most))
}
