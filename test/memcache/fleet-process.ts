import type { MemcacheOptions, WrapOptions } from '@glammp/memcache'
import type { RunningProcess } from '../support/process.js'
import { startProgram } from '../support/program.js'

export interface WrapTask {
  readonly client: MemcacheOptions
  readonly key: string
  readonly callers: number
  /** Milliseconds. */
  readonly loadTime: number
  readonly options: WrapOptions
}

interface WrapResult {
  /** Each value that a caller got, once. */
  readonly values: string[]
  /** Milliseconds that the slowest caller waited. */
  readonly slowest: number
}

/** Another process of the application: many callers that wrap one key at the same time. */
export interface FleetProcess extends RunningProcess {
  /** Lets the callers ask. */
  go(): void
  /** Resolves when all of them have their answers. */
  result(): Promise<WrapResult>
}

/** Starts one and waits until it has a connection. */
export const startFleetProcess = async (task: WrapTask): Promise<FleetProcess> => {
  const running = await startProgram('test/memcache/fixtures/wrapping.ts', [JSON.stringify(task)])
  await running.waitForOutput('ready', 30_000)
  return {
    ...running,
    go: () => running.write('now\n'),
    result: async () => {
      await running.waitForOutput('result ', 30_000)
      const [, json] = /result (.*)/.exec(running.stdout()) ?? []
      return JSON.parse(json ?? '') as WrapResult
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}
