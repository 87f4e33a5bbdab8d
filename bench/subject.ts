import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Scenario } from './scenario.js'

/** What `wrap` is told. */
export type WrapOptions = { readonly ttl: number } & Scenario['wrap']

/** A memcached client as the benchmark sees it, or raw sockets in the place of one. */
export interface CacheSubject {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown): Promise<unknown>
  /** The value of the key, or of `load`; absent where the client has none, as the next. */
  wrap?(key: string, load: () => unknown, options: WrapOptions): Promise<unknown>
  getMany?(keys: readonly string[]): Promise<unknown>
  close(): Promise<void> | void
}

/** A Gearman client; jobs go to the function `reverse` unless in the background. */
export interface JobSubject {
  do(workload: string | Buffer): Promise<unknown>
  /** Resolves when the server has acknowledged; absent where the client does not wait for that. */
  doBackground?(workload: string | Buffer): Promise<unknown>
  close(): Promise<void> | void
}

/**
 * Opens a client of the servers (`host:port`); of the checkout's build where the client is ours.
 */
export type OpenCache = (
  servers: readonly string[],
  checkout: string | undefined,
) => Promise<CacheSubject>
export type OpenJobs = (server: string, checkout: string | undefined) => Promise<JobSubject>
/** Starts a worker that answers every job with its workload; resolves when it is registered. */
export type OpenWorker = (
  server: string,
  concurrency: number,
  checkout: string | undefined,
) => Promise<void>

/** `host:port` taken apart. */
export function hostPort(server: string): { host: string; port: number } {
  const colon = server.lastIndexOf(':')
  return { host: server.slice(0, colon), port: Number(server.slice(colon + 1)) }
}

/** The built package of a checkout, as its users would import it; of this one unless said. */
export function packageUrl(name: 'memcache' | 'gearman', checkout: string | undefined): string {
  const root = checkout ?? join(import.meta.dirname, '..')
  return pathToFileURL(join(root, 'packages', name, 'dist', 'index.js')).href
}
