// The last line of a CI run, and its exit code, from the directory of its results: `steps` has a
// line `name exit-code` for each step, and a suite has vitest's report beside it, `name.json`.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const directory = process.argv[2]

/** What failed, and why. A file that cannot even be loaded has no test that could fail: it counts as one. */
const complaintsOf = ({ testResults }) =>
  testResults.flatMap(({ name, status, message, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === 'failed')
    if (status === 'failed' && tests.length === 0) return [`${name}\n${message}`]
    return tests.map((test) => `${name} > ${test.fullName}\n${test.failureMessages.join('\n')}`)
  })

let passed = 0
let failed = 0
for (const line of readFileSync(join(directory, 'steps'), 'utf8').trim().split('\n')) {
  const [name, code] = line.split(' ')
  const path = join(directory, `${name}.json`)
  const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
  const complaints = report === undefined ? [] : complaintsOf(report)
  passed += report?.numPassedTests ?? 0
  // A step may fail without a failed test: a check, a crash, an error outside of all tests.
  if (complaints.length === 0 && code !== '0') complaints.push(`exit code ${code}`)
  failed += complaints.length
  for (const complaint of complaints) console.log(`FAILED ${name}: ${complaint.slice(0, 2000)}`)
}

console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
