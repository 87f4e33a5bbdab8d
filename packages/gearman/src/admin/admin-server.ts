import {
  Fault,
  onAbort,
  patiently,
  ResourcePool,
  reasonOf,
  type ServerAddress,
  type TlsOptions,
  tlsFor,
} from '@glammp/wire'
import { ProtocolError, ServerError } from '../errors.js'
import { failure } from '../link/failure.js'
import { readRefusal, type TextCommand } from '../protocol/text.js'
import { AdminSession } from './admin-session.js'

export interface AdminServerOptions {
  readonly address: ServerAddress
  /** Milliseconds for one attempt to connect. */
  readonly connectTimeout: number
  readonly tls: TlsOptions | undefined
}

/** How long to wait for one command. */
export interface CallLimits {
  /** Milliseconds, connecting included. */
  readonly timeout: number
  readonly signal: AbortSignal | undefined
}

/** Connections to one server: an admin serves one person, or one monitor. */
const MAX_SESSIONS = 4

/** Milliseconds after which an idle connection is closed, and how often that is checked. */
const IDLE_TIMEOUT = 30_000
const IDLE_CHECK = 10_000

/** One gearmand, for the admin. */
export class AdminServer {
  readonly name: string
  readonly #pool: ResourcePool<AdminSession>
  readonly #asking: Set<Promise<unknown>> = new Set()
  readonly #drops: Set<(reason: Fault) => void> = new Set()

  constructor({ address, connectTimeout, tls }: AdminServerOptions) {
    this.name = address.name
    const settings = tlsFor(address, tls)
    this.#pool = new ResourcePool({
      min: 0,
      max: MAX_SESSIONS,
      idleTimeout: IDLE_TIMEOUT,
      idleCheck: IDLE_CHECK,
      open: (signal) => AdminSession.open({ address, connectTimeout, tls: settings, signal }),
      close: (session) => session.close(new Fault('closed', 'not needed now')),
    })
  }

  /**
   * Asks the server; resolves to its answer.
   *
   * @param read - makes the result from the lines.
   * @throws GearmanError
   */
  async ask<T>(
    command: TextCommand,
    limits: CallLimits,
    read: (lines: readonly string[]) => T,
  ): Promise<T> {
    const what = `admin command ${command.line}`
    let lines: readonly string[]
    try {
      const asking = this.#ask(command, limits)
      this.#asking.add(asking)
      lines = await asking.finally(() => this.#asking.delete(asking))
    } catch (error) {
      if (error instanceof Fault) throw failure(error, { what, server: this.name })
      throw reasonOf(limits.signal)
    }
    const refusal = readRefusal(lines, command)
    if (refusal !== undefined) {
      throw new ServerError(`${what} on ${this.name}: ${refusal.code} ${refusal.text}`.trimEnd(), {
        server: this.name,
        serverCode: refusal.code,
      })
    }
    try {
      return read(lines)
    } catch (cause) {
      const words = cause instanceof Error ? cause.message : String(cause)
      throw new ProtocolError(`${what} on ${this.name}: ${words}`, { server: this.name, cause })
    }
  }

  /** Waits for the commands under way, each of which has its time, then closes the connections. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#asking)
    await this.#pool.close()
  }

  /** Gives up the commands under way. */
  drop(reason: Fault): void {
    for (const drop of this.#drops) drop(reason)
  }

  /** @throws {@link Fault}, or `undefined` where the signal gave up. */
  #ask(command: TextCommand, { timeout, signal }: CallLimits): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      let session: AdminSession | undefined
      let over = false
      const end = (): void => {
        over = true
        stop()
        forget()
        this.#drops.delete(drop)
      }
      const giveUp = (fault: Fault, reason?: Fault): void => {
        end()
        // Its answer may still come: no other command must get it.
        session?.close(fault)
        reject(reason)
      }
      const drop = (fault: Fault): void => giveUp(fault, fault)
      this.#drops.add(drop)
      const stop = patiently(timeout, () => {
        const late = new Fault('timeout', `no answer within ${timeout} ms`)
        giveUp(late, late)
      })
      const aborted = (): void => giveUp(new Fault('closed', 'aborted by its signal'))
      const forget = signal === undefined ? (): void => {} : onAbort(signal, aborted)
      if (signal?.aborted) {
        aborted()
        return
      }
      const run = async (): Promise<readonly string[]> => {
        const borrowed = await this.#pool.borrow()
        if (borrowed instanceof Fault) throw borrowed
        try {
          if (over) return []
          session = borrowed
          return await borrowed.ask(command)
        } finally {
          session = undefined
          this.#pool.giveBack(borrowed)
        }
      }
      run().then(
        (lines) => {
          if (over) return
          end()
          resolve(lines)
        },
        (fault: Fault) => {
          if (over) return
          end()
          reject(fault)
        },
      )
    })
  }
}
