import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { milliseconds, OptionRules, optionsOf, wholeNumberFrom, wrong } from '@glammp/wire'
import { type Codec, codecName, codecOf } from '../codec.js'
import type { JobDefinition } from '../definition.js'
import { InvalidArgumentError } from '../errors.js'
import type { JobHandler } from '../job.js'
import { FunctionNames } from '../names/function-name.js'
import { checkCodec, checkOptions, type Settings } from '../options.js'
import { checkRateLimit, type RateLimitOptions } from './rate-limit.js'

/** Settings of one function of a worker. */
export interface FunctionOptions {
  /** Milliseconds that a job may take; then its signal is aborted and it fails. @defaultValue none */
  readonly timeout?: number | undefined
  /** How workload and result are encoded; the definition's or the worker's if absent. */
  readonly codec?: JobDefinition<unknown, unknown>['codec']
  /** A limit on the number of jobs in a time, over all servers. @defaultValue none */
  readonly rateLimit?: RateLimitOptions | undefined
  /**
   * Milliseconds, 1000 at least, after which gearmand itself takes a job back and gives it to
   * another worker (CAN_DO_TIMEOUT): its signal is aborted, and its result no longer counts. For
   * processes that may hang; gearmand 1.1 measures one such time per connection, so it is reliable
   * only with `concurrency: 1`. @defaultValue none
   */
  readonly serverTimeout?: number | undefined
}

/** The known settings of a function and their valid values. */
const RULES = new OptionRules<FunctionOptions>({
  timeout: milliseconds,
  codec: checkCodec,
  rateLimit: optionsOf<RateLimitOptions>({ jobs: wholeNumberFrom(1), per: milliseconds }),
  // gearmand treats less as a second.
  serverTimeout: wholeNumberFrom(1_000, 2 ** 31 - 1),
})

/** A function that the worker serves. */
export interface WorkerFunction {
  /** The name as the caller gave it. */
  readonly name: string
  /** The name as gearmand knows it, as the text of its bytes. */
  readonly wireName: string
  readonly handler: JobHandler<unknown>
  readonly timeout: number | undefined
  readonly serverTimeout: number | undefined
  readonly rateLimit: RateLimitOptions | undefined
  readonly codec: Codec
  /** Whether its handler is a module that runs in a thread. */
  readonly sandboxed: boolean
}

/** Makes a handler from a module's `file:` URL and the name of the codec. */
export type SandboxHandler = (module: string, codec: string) => JobHandler<unknown>

/** The functions of a worker, by gearmand's name. */
export class Functions {
  readonly #names: FunctionNames
  readonly #codec: Codec
  readonly #current: Map<string, WorkerFunction> = new Map()
  /** Removed, but jobs that gearmand assigned before it knew still arrive. */
  readonly #removed: Map<string, WorkerFunction> = new Map()

  readonly #sandbox: SandboxHandler

  /** @param sandbox - makes a handler from a module. */
  constructor(settings: Settings, sandbox: SandboxHandler) {
    this.#sandbox = sandbox
    this.#names = new FunctionNames(settings.namespace)
    this.#codec = settings.codec
  }

  /** @throws {@link InvalidArgumentError} */
  add(
    fn: string | JobDefinition<unknown, unknown>,
    handler: JobHandler<unknown> | string | URL,
    options: FunctionOptions,
  ): WorkerFunction {
    const name = typeof fn === 'object' && fn !== null ? fn.name : fn
    const wireName = this.#names.encode(name)
    checkOptions('addFunction', RULES, options, name)
    const chosen = options.codec ?? (typeof fn === 'object' ? fn.codec : undefined)
    const { timeout, serverTimeout, rateLimit } = options
    const codec = chosen === undefined ? this.#codec : codecOf(chosen)
    const added = {
      name,
      wireName,
      ...this.#handler(name, handler, codec),
      timeout,
      serverTimeout,
      rateLimit: rateLimit === undefined ? undefined : checkRateLimit(rateLimit),
    }
    this.#current.set(wireName, added)
    this.#removed.delete(wireName)
    return added
  }

  /** gearmand's name, or `undefined` if there is no such function. */
  remove(fn: string | JobDefinition<unknown, unknown>): string | undefined {
    const wireName = this.#names.encode(typeof fn === 'object' && fn !== null ? fn.name : fn)
    const removed = this.#current.get(wireName)
    if (removed === undefined) return undefined
    this.#current.delete(wireName)
    this.#removed.set(wireName, removed)
    return wireName
  }

  /** Whether there are removed functions of which a job may still arrive. */
  get lingering(): boolean {
    return this.#removed.size > 0
  }

  /** Forgets removed functions of which no more jobs can arrive. */
  forget(mayCome: (wireName: string) => boolean): void {
    for (const wireName of this.#removed.keys()) {
      if (!mayCome(wireName)) this.#removed.delete(wireName)
    }
  }

  /** Whether a handler is a module. */
  get sandboxed(): boolean {
    for (const fn of this.#current.values()) if (fn.sandboxed) return true
    return false
  }

  #handler(
    name: string,
    handler: JobHandler<unknown> | string | URL,
    codec: Codec,
  ): Pick<WorkerFunction, 'handler' | 'codec' | 'sandboxed'> {
    if (typeof handler === 'function') return { handler, codec, sandboxed: false }
    if (typeof handler !== 'string' && !(handler instanceof URL)) {
      throw new InvalidArgumentError(
        wrong(`the handler of ${name}`, "a function or a module's path", handler),
        { function: name },
      )
    }
    const applied = codecName(codec)
    if (applied === undefined) {
      throw new InvalidArgumentError(
        `${name} runs in a thread, which a codec of your own cannot reach: 'string', 'buffer', 'json' or 'msgpack'`,
        { function: name },
      )
    }
    // The thread encodes and decodes; here bytes pass through unchanged.
    return {
      handler: this.#sandbox(moduleUrl(handler, name), applied),
      codec: codecOf('buffer'),
      sandboxed: true,
    }
  }

  find(wireName: string): WorkerFunction | undefined {
    return this.#current.get(wireName) ?? this.#removed.get(wireName)
  }
}

function moduleUrl(given: string | URL, name: string): string {
  const text = String(given)
  const path = text.startsWith('file:') ? fileURLToPath(text) : resolve(text)
  if (!existsSync(path)) {
    throw new InvalidArgumentError(`the handler of ${name}: there is no file ${path}`, {
      function: name,
    })
  }
  return pathToFileURL(path).href
}
