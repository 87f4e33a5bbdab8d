// Runs the tests against the servers of Debian's releases, one after the other, and prints what each run
// counted. What compares the servers in the process with real ones is left out: those follow one version.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { release: { type: 'string', multiple: true } },
})
const releases = values.release ?? ['bullseye', 'bookworm', 'trixie', 'sid']
// By name: vitest's `exclude` does not reach its projects.
const LEFT_OUT = /\/(embedded(-\w+)?|releases)\.test\.ts$/
const testsIn = (folder) =>
  readdirSync(join(ROOT, folder), { recursive: true })
    .map((name) => `${folder}/${name}`)
    .filter((file) => file.endsWith('.test.ts') && !LEFT_OUT.test(file))
const files =
  positionals.length > 0 ? positionals : ['test/memcache', 'test/gearman'].flatMap(testsIn)

const directory = mkdtempSync(join(tmpdir(), 'glammp-releases-'))
let isFine = true
for (const release of releases) {
  const bin = join(ROOT, '.glammp', 'servers', release, 'bin')
  if (!existsSync(bin)) throw new Error(`no ${bin}: run scripts/install-server-versions.mjs`)
  const report = join(directory, `${release}.json`)
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`]
  const projects = ['--project', 'integration', '--project', 'measured']
  const args = ['vitest', 'run', ...projects, ...files, ...reporters]
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
  const start = Date.now()
  const { status } = spawnSync('npx', args, { cwd: ROOT, env, stdio: 'inherit' })
  const { numPassedTests: passed, numFailedTests: failed } = JSON.parse(
    readFileSync(report, 'utf8'),
  )
  const seconds = Math.round((Date.now() - start) / 1_000)
  console.log(`${release}: ${passed} passed, ${failed} failed in ${seconds} s`)
  isFine &&= status === 0
}
rmSync(directory, { recursive: true })
process.exitCode = isFine ? 0 : 1
