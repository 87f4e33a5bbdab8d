import { existsSync } from 'node:fs'
import nodeModule from 'node:module'
import { extname } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { clearTimeout, codeOf, messageOf, setTimeout } from '@glammp/wire'
import type { Piscina } from 'piscina'
import { InvalidArgumentError, JobFailure } from '../errors.js'
import type { GearmanJob, JobHandler } from '../job.js'
import type { SandboxOptions } from '../options.js'
import { PacketType } from '../protocol/packet.js'
import {
  detached,
  type HostMessage,
  packError,
  type ThreadJob,
  type ThreadMessage,
  unpackError,
} from './exchange.js'

/** Practically never: the longest time that a timer of Node can wait. */
const MAX_DELAY = 2 ** 31 - 1

/**
 * The module that a thread runs: beside this file in the source, and beside the one file of the built
 * package. It is looked for when a thread is needed: a bundler that made this file a part of an
 * application left it behind, and perhaps no `import.meta.url` either.
 *
 * @throws InvalidArgumentError
 */
function threadModule(): string {
  const here: string | undefined = import.meta.url
  if (here !== undefined) {
    const extension = extname(new URL(here).pathname) === '.ts' ? '.ts' : '.js'
    const module = new URL(`./sandbox-thread${extension}`, here)
    if (existsSync(module)) return module.href
  }
  throw new InvalidArgumentError(
    'handlers that are modules need @glammp/gearman as it is installed: leave it out of the bundle (external)',
  )
}

/**
 * Jest runs modules in a context of node:vm, where `import()` is missing. Of a `createRequire` that is
 * imported by name, webpack wants to know what it requires.
 */
function requireInstead(reason: unknown): { readonly Piscina: typeof Piscina } {
  if (!codeOf(reason).startsWith('ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING')) throw reason
  return nodeModule.createRequire(import.meta.url)('piscina')
}

/**
 * The threads of a worker's sandboxed handlers: a handler that computes keeps its own thread busy
 * and nobody else waiting, and one that crashes or has to be ended takes its own thread with it.
 */
export class Sandbox {
  readonly #options: SandboxOptions
  readonly #concurrency: () => number
  #library: Promise<typeof Piscina> | undefined
  #pool: Piscina | undefined
  /** The pool, and smaller ones that finish what they have. */
  readonly #pools: Set<Piscina> = new Set()

  /** @param concurrency - how many jobs may run at once by now. */
  constructor(options: SandboxOptions, concurrency: () => number) {
    this.#options = options
    this.#concurrency = concurrency
  }

  /** @throws {@link InvalidArgumentError} where the pool's library is not installed, or the thread's module is not there. */
  async load(): Promise<typeof Piscina> {
    threadModule()
    // Few users need it, and it takes as long to load as the rest of the package. A bundler leaves
    // it alone: it is optional, and starts files of its own.
    this.#library ??= import(/* webpackIgnore: true */ /* @vite-ignore */ 'piscina')
      .catch(requireInstead)
      .then(
        (library) => library.Piscina,
        (cause: unknown) => {
          throw new InvalidArgumentError(
            'handlers that are modules run in the threads of piscina: npm install piscina',
            { cause },
          )
        },
      )
    return await this.#library
  }

  /**
   * What runs a job's handler in a thread and returns the bytes of its result; for jobs whose own
   * codec leaves bytes unchanged.
   *
   * @param module - as a `file:` URL.
   * @param codec - name of the codec, which the thread applies.
   */
  handler(module: string, codec: string): JobHandler<unknown> {
    return (job) => this.#run(module, codec, job)
  }

  /** Ends all threads, whatever they are doing. */
  async close(): Promise<void> {
    const pools = [...this.#pools]
    this.#pool = undefined
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
  }

  async #run(
    module: string,
    codec: string,
    job: GearmanJob<unknown>,
  ): Promise<string | Uint8Array> {
    const pool = this.#open(await this.load())
    const { port1: host, port2: port } = new MessageChannel()
    const ended = new Promise<ThreadMessage>((resolve) => {
      host.on('message', (message: ThreadMessage) => {
        if (message.kind === 'send') void this.#send(job, message, host)
        else if (message.kind === 'unsent') job.unsent(unpackError(message.error))
        else resolve(message)
      })
    })
    const killer = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const abort = (): void => {
      const message: HostMessage = { kind: 'abort', reason: packError(job.signal.reason) }
      host.postMessage(message)
      // A handler that computes never receives it.
      timer = setTimeout(() => killer.abort(), this.#options.grace ?? 1_000)
    }
    if (job.signal.aborted) abort()
    else job.signal.addEventListener('abort', abort, { once: true })
    const { handle, functionName, unique, reducer, traceContext } = job
    const workload = new Uint8Array(job.workloadBuffer)
    const names = { handle, functionName, unique, reducer, traceContext }
    const task: ThreadJob = { module, codec, ...names, workload, port }
    try {
      await pool
        .run(task, { transferList: [port, workload.buffer], signal: killer.signal })
        .catch((cause: unknown) => {
          throw new Error(`the handler's thread ended: ${messageOf(cause)}`, { cause })
        })
      // On the port the end comes after all that was sent before it.
      return read(await ended)
    } finally {
      clearTimeout(timer)
      job.signal.removeEventListener('abort', abort)
      host.close()
    }
  }

  #open(library: typeof Piscina): Piscina {
    const { threads, idleTimeout = 30_000, resourceLimits } = this.#options
    const maxThreads = threads ?? this.#concurrency()
    if (this.#pool !== undefined && this.#pool.maxThreads >= maxThreads) return this.#pool
    // The concurrency was raised: an assigned job must not wait for a thread.
    const outgrown = this.#pool
    void outgrown?.close().then(() => this.#pools.delete(outgrown))
    const pool = new library({
      filename: threadModule(),
      name: 'run',
      // With none, jobs that wait for a thread would wait for ever when the last one crashed.
      minThreads: 1,
      maxThreads,
      maxQueue: Number.POSITIVE_INFINITY,
      idleTimeout,
      // Idle threads would otherwise stop, with whatever a handler left running in them.
      atomics: 'disabled',
      closeTimeout: MAX_DELAY,
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    })
    pool.on('error', (error: Error) => {
      // It failed to start, or something that a handler left behind has thrown.
      process.emitWarning(`a sandbox thread ended between two jobs: ${error.message}`)
      if (pool.queueSize === 0 || pool.threads.length > 0) return
      // The pool starts no other for the jobs that wait: they fail, and the next one tries anew.
      this.#pools.delete(pool)
      if (this.#pool === pool) this.#pool = undefined
      void pool.destroy()
    })
    this.#pools.add(pool)
    this.#pool = pool
    return pool
  }

  async #send(
    job: GearmanJob<unknown>,
    { id, type, args, data }: ThreadMessage & { kind: 'send' },
    host: MessageChannel['port1'],
  ): Promise<void> {
    const answer: HostMessage = { kind: 'sent', id, sent: await send(job, type, args, data) }
    host.postMessage(answer)
  }
}

function send(
  job: GearmanJob<unknown>,
  type: PacketType,
  args: string | undefined,
  data: string | Uint8Array | undefined,
): Promise<boolean> {
  switch (type) {
    case PacketType.WORK_STATUS: {
      const [numerator, denominator] = (args ?? '').split('\0').map(Number)
      return job.sendStatus(numerator ?? 0, denominator ?? 0)
    }
    case PacketType.WORK_DATA:
      return job.sendData(data)
    case PacketType.WORK_WARNING:
      return job.sendWarning(String(data))
    case PacketType.WORK_COMPLETE:
      return job.sendComplete(data)
    case PacketType.WORK_EXCEPTION:
      return job.sendException(data)
    default:
      return job.sendFail()
  }
}

function read(message: ThreadMessage): string | Uint8Array {
  if (message.kind === 'returned') return detached(message.data)
  if (message.kind === 'failed') throw new JobFailure()
  throw new Error(message.kind === 'threw' ? message.message : 'the thread sent no end')
}
