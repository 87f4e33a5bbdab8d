// The last line of a CI run, and its exit code, from the directory of its results: `steps` has a
// line `name exit-code` for each step, and a suite has vitest's report beside it, `name.json`.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const directory = process.argv[2]

/** A file that cannot even be loaded has no test that could fail: it counts as one. */
const failuresOf = ({ numFailedTests, testResults }) =>
  numFailedTests +
  testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length

/** What failed, with the beginning of its reason. */
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
  const failures = report === undefined ? 0 : failuresOf(report)
  passed += report?.numPassedTests ?? 0
  // A step may fail without a failed test: a check, a crash, an error outside of all tests.
  failed += failures === 0 && code !== '0' ? 1 : failures
  if (failures === 0 && code !== '0') console.log(`FAILED ${name}: exit code ${code}`)
  for (const complaint of report === undefined ? [] : complaintsOf(report)) {
    console.log(`FAILED ${name}: ${complaint.slice(0, 2000)}`)
  }
}

console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
