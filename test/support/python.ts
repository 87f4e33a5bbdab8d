import { existsSync } from 'node:fs'
import { run } from './process.js'

/** Debian's own, for which its packages of clients are made. */
const program = '/usr/bin/python3'

/** Whether this machine has Debian's python3-pylibmc and python3-pymemcache. */
export const hasPythonClients: boolean =
  existsSync(program) && (await run(program, ['-c', 'import pylibmc, pymemcache'])).code === 0

/** Runs Python code that reads `given` and leaves its answer in `answer`; both are JSON. */
export async function inPython<T>(code: string, input: unknown): Promise<T> {
  const script = `import json, sys\ngiven = json.load(sys.stdin)\n${code}\nprint(json.dumps(answer))`
  const options = { input: JSON.stringify(input) }
  const { code: exit, stdout, stderr } = await run(program, ['-c', script], options)
  if (exit !== 0) throw new Error(`python failed: ${stdout}${stderr}`)
  return JSON.parse(stdout) as T
}
