import { Fault, type ServerAddress } from '@glammp/wire'
import { ClosedError, type GearmanError } from '../errors.js'
import { type JobHandle, serversOf } from '../names/handle.js'
import type { TextCommand } from '../protocol/text.js'
import { AdminServer, type AdminServerOptions, type CallLimits } from './admin-server.js'

/** The servers of an admin. */
export class AdminServers {
  readonly #servers: readonly AdminServer[]
  #closing: Promise<void> | undefined

  constructor(
    options: Omit<AdminServerOptions, 'address'> & { readonly servers: readonly ServerAddress[] },
  ) {
    this.#servers = options.servers.map((address) => new AdminServer({ ...options, address }))
  }

  /**
   * What each server answers, or its error; for a handle, only the handle's server is asked.
   *
   * @throws ClosedError, InvalidArgumentError; the reason of the signal
   */
  async ask<T>(
    command: TextCommand,
    limits: CallLimits,
    read: (lines: readonly string[]) => T,
    handle: JobHandle | undefined,
  ): Promise<Record<string, T | GearmanError>> {
    if (this.#closing !== undefined) throw new ClosedError('the admin is closed')
    const asked = handle === undefined ? this.#servers : serversOf(handle, this.#servers)
    const answers = await Promise.all(
      asked.map(async (server) => {
        try {
          return [server.name, await server.ask(command, limits, read)] as const
        } catch (error) {
          if (limits.signal?.aborted) throw error
          return [server.name, error as GearmanError] as const
        }
      }),
    )
    return Object.fromEntries(answers)
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(this.#servers.map((server) => server.close())).then(() => {})
    return this.#closing
  }

  /** Closes without waiting: commands under way end with ClosedError. */
  drop(why: string): Promise<void> {
    const closing = this.close()
    const reason = new Fault('closed', `the admin was closed and ${why}`)
    for (const server of this.#servers) server.drop(reason)
    return closing
  }
}
