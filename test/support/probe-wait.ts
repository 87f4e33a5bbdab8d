import type { WaitStrategy } from 'testcontainers'
import { isReady } from './readiness.js'
import type { Endpoint, Probe } from './server.js'
import { waitFor } from './wait.js'

type Container = Parameters<WaitStrategy['waitUntilReady']>[0]

/** testcontainers' own strategies ask inside the container and far apart; this one asks outside. */
export class ProbeWait implements WaitStrategy {
  readonly #endpoint: Endpoint
  readonly #probe: Probe | undefined
  #timeout = 20_000

  constructor(endpoint: Endpoint, probe: Probe | undefined) {
    this.#endpoint = endpoint
    this.#probe = probe
  }

  async waitUntilReady(container: Container): Promise<void> {
    let looks = 0
    const isOver = async (): Promise<'ready' | 'ended' | undefined> => {
      if (await isReady(this.#endpoint, this.#probe)) return 'ready'
      looks += 1
      // Each look into the container is a request to the engine.
      if (looks % 10 > 0) return undefined
      const { State } = await container.inspect()
      return State.Running ? undefined : 'ended'
    }
    const what = 'the server in the container'
    const end = await waitFor(isOver, { timeout: this.#timeout, interval: 20, what })
    if (end === 'ended') throw new Error('the container ended')
  }

  withStartupTimeout(milliseconds: number): this {
    this.#timeout = milliseconds
    return this
  }

  isStartupTimeoutSet(): boolean {
    return true
  }

  getStartupTimeout(): number {
    return this.#timeout
  }
}
