import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { run } from '../../support/process.js'
import { serversAreProcesses } from '../../support/server-source.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

// A process of its own: that it ends shows that nothing was left open.
test.runIf(serversAreProcesses)(
  'nothing is wrong in the histories of fifty seeds, and the process ends',
  { timeout: 180_000 },
  async () => {
    const command = ['--import', 'tsx', 'test/histories/run.ts', '--only', 'memcache']
    const options = { cwd: root, timeout: 170_000 }
    const { code, stdout, stderr } = await run(process.execPath, command, options)
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('memcache: 0 seeds failed')
  },
)
