import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { LeftOut } from './test/support/left-out.js'
import { LongestFirst } from './test/support/longest-first.js'

const source = (name: string, entry = 'index.ts'): string =>
  fileURLToPath(new URL(`./packages/${name}/src/${entry}`, import.meta.url))

/** Tests that measure time, memory or cores of a machine: nothing else runs beside them. */
const MEASURED = [
  'test/gearman/idle.test.ts',
  'test/gearman/resources.test.ts',
  'test/gearman/sandbox.test.ts',
  'test/memcache/connections.test.ts',
  'test/memcache/faults.test.ts',
  'test/memcache/restarts.test.ts',
  'test/memcache/scale.test.ts',
]

const integration = {
  globalSetup: ['test/support/global-setup.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
}

export default defineConfig({
  resolve: {
    alias: [
      // Not what is below it: that is for unit tests.
      { find: /^@glammp\/wire$/, replacement: source('wire') },
      { find: /^@glammp\/memcache$/, replacement: source('memcache') },
      { find: /^@glammp\/gearman$/, replacement: source('gearman') },
      ...['wire', 'memcache', 'gearman'].map((name) => ({
        find: `@glammp/${name}/testing`,
        replacement: source(name, 'testing/index.ts'),
      })),
    ],
  },
  test: {
    reporters: ['default', new LeftOut()],
    sequence: { sequencer: LongestFirst },
    // Tests that wait side by side do so all at once.
    maxConcurrency: 20,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts'],
          setupFiles: ['packages/wire/src/clock.setup.ts'],
          // They share no state: loading everything anew for each file took longer than they do.
          isolate: false,
          // On a busy machine some of those that try hundreds of values took more than 5 s.
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          ...integration,
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: MEASURED,
          // Most of them wait for servers, so that more run at once than there are cores.
          maxWorkers: 4,
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...integration,
          name: 'measured',
          include: MEASURED,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
