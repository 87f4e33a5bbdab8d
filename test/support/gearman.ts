import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { test as base, type TestAPI } from 'vitest'
import { type GearmandServer, startGearmand } from './gearmand.js'

/** What the tests of one file share. */
interface Shared {
  readonly server: GearmandServer
  readonly client: GearmanClient
  /** It works, on four jobs at once, and waits for functions. */
  readonly worker: GearmanWorker
}

/**
 * `test` with a gearmand and what is connected to it. Each is started for the first test or hook of a file
 * that names it, and closed after the last test of the file, the server at the end.
 */
export const test: TestAPI<Shared & { readonly $__file?: Shared }> = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names in the pattern
  .extend('server', { scope: 'file' }, async ({}, { onCleanup }) => {
    const server = await startGearmand()
    onCleanup(() => server.stop())
    return server
  })
  .extend('client', { scope: 'file' }, ({ server }, { onCleanup }) => {
    const client = new GearmanClient(server.address)
    onCleanup(() => client.close())
    return client
  })
  .extend('worker', { scope: 'file' }, ({ server }, { onCleanup }) => {
    const worker = new GearmanWorker({ servers: server.address, concurrency: 4 })
    // Some tests have handlers that never end.
    onCleanup(() => worker.close({ timeout: 1_000 }))
    void worker.work()
    return worker
  })
