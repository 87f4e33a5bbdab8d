import { MemcacheClient } from '@glammp/memcache'
import { expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'

/** A client that nothing may leave. */
export interface Refusals extends AsyncDisposable {
  readonly cache: MemcacheClient
  /** What a call rejects with; an error out of the call itself is none that its promise tells. */
  failureOf(call: () => Promise<unknown>): Promise<unknown>
  /** The call rejects so, in these words among others, and nothing was sent or tried to be. */
  expectError(
    type: typeof TypeError | typeof RangeError,
    call: () => Promise<unknown>,
    ...words: string[]
  ): Promise<void>
  /** Not a byte has left, nor was there a connection. */
  expectSilence(): void
}

export const startRefusals = async (): Promise<Refusals> => {
  const server = await startFakeServer(() => {})
  const cache = new MemcacheClient({
    servers: server.address,
    timeout: 500,
    namespaceVersion: true,
  })
  const failureOf: Refusals['failureOf'] = async (call) => {
    const promise = call()
    return promise.then(
      () => 'no failure',
      (error: unknown) => error,
    )
  }
  const expectSilence = (): void => {
    expect({ sent: server.received().length, connections: server.connections }).toEqual({
      sent: 0,
      connections: 0,
    })
  }
  return {
    cache,
    failureOf,
    expectSilence,
    async expectError(type, call, ...words) {
      const error = (await failureOf(call)) as Error
      expect(error).toBeInstanceOf(type)
      for (const word of words) expect(error.message).toContain(word)
      expectSilence()
    },
    async [Symbol.asyncDispose]() {
      await cache.close()
      await server.stop()
    },
  }
}
