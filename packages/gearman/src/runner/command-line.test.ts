import { expect, test } from 'vitest'
import { readCommandLine, UsageError } from './command-line.js'

test.each([
  ['--server=gearman://u:hunter@a', 'm.mjs'],
  ['--gearman://u:hunter@a', 'm.mjs'],
  ['gearman://u:hunter@a', 'm.mjs'],
  ['u:hunter@a', 'm.mjs'],
  ['--tls=gearman://u:hunter@a', 'm.mjs'],
  ['--codec', 'gearman://u:hunter@a', 'm.mjs'],
  ['--log', 'gearman://u:hunter@a', 'm.mjs'],
  ['--concurrency', 'gearman://u:hunter@a', 'm.mjs'],
  ['--drain', 'gearman://u:hunter@a', 'm.mjs'],
])('%j is refused, and nothing of it shown', (...args) => {
  let error: unknown
  try {
    readCommandLine(args, false)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(UsageError)
  expect((error as Error).message).not.toContain('hunter')
})

test('modules of scopes and as URLs are modules', () => {
  const modules = ['node_modules/@scope/jobs.mjs', 'file:///srv/jobs.mjs', './jobs@2.mjs']
  expect(readCommandLine(modules, false)).toMatchObject({ modules })
})
