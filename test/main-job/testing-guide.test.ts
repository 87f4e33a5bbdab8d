import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { guardDirectory } from '../support/guardian.js'
import { run } from '../support/process.js'
import { root } from './snippets.js'

const NAMED = /^```(?:ts no-run|js)\n\/\/ (\S+)\n(.*?)^```$/gms

// Inside the repository, where the packages, vitest and express are found by their names.
let directory: string
beforeAll(async () => {
  await mkdir(join(root, '.glammp'), { recursive: true })
  directory = await mkdtemp(join(root, '.glammp', 'guide-'))
  guardDirectory(directory)
  const guide = await readFile(join(root, 'docs/testing.md'), 'utf8')
  for (const [, name = '', code = ''] of guide.matchAll(NAMED)) {
    await writeFile(join(directory, name), code)
  }
  // The files are as ones of an application: CommonJS where their name does not say otherwise.
  await writeFile(join(directory, 'package.json'), '{ "private": true }')
  await writeFile(join(directory, 'vitest.config.mjs'), 'export default {}\n')
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const program = (...path: readonly string[]): string => join(root, ...path)

test.each([
  ['vitest', [program('node_modules/vitest/vitest.mjs'), 'run'], /Tests +2 passed \(2\)/],
  ['node:test', ['--test', '--test-reporter=tap', 'page.mjs'], /^# pass 1$/m],
  [
    'Jest',
    [program('test/packaging/node_modules/jest/bin/jest.js'), '--testRegex=\\.jest\\.js$', '--ci'],
    /Tests: +1 passed, 1 total/,
  ],
])(
  'the tests of the guide pass, and end, with %s',
  { timeout: 90_000 },
  async (_, args, passed) => {
    const { code, stdout, stderr } = await run(process.execPath, args, {
      cwd: directory,
      env: { NO_COLOR: '1', FORCE_COLOR: '0' },
      timeout: 80_000,
    })
    expect(code, stdout + stderr).toBe(0)
    expect(stdout + stderr).toMatch(passed)
  },
)
