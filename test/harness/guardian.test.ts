import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { startProcess } from '../support/process.js'
import { isReady } from '../support/readiness.js'
import type { Endpoint } from '../support/server.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

const owner = fileURLToPath(new URL('./fixtures/server-owner.ts', import.meta.url))

/** Even a paused server accepts connections; one that is gone does not. */
const accepts = (endpoint: Endpoint): Promise<boolean> => isReady(endpoint, undefined)

describe.skipIf(!serversAreControllable)('the end of a process that holds servers', () => {
  it.each([
    ['SIGKILL', 'running'],
    ['SIGKILL', 'paused'],
    ['SIGTERM', 'running'],
    ['SIGINT', 'paused'],
  ] as const)('by %s leaves no %s server and no directory', async (signal, state) => {
    const args = ['--import', 'tsx', owner, state]
    // tsx would leave its cache in the temporary directory.
    await using child = startProcess(process.execPath, args, { env: { TSX_DISABLE_CACHE: '1' } })
    await child.waitForOutput('ready', 30_000)
    const { endpoints, directory } = JSON.parse(child.stdout()) as {
      endpoints: Endpoint[]
      directory: string
    }
    expect(endpoints).toHaveLength(2)
    for (const endpoint of endpoints) expect(await accepts(endpoint)).toBe(true)
    expect(existsSync(directory)).toBe(true)
    await child.kill(signal)
    for (const endpoint of endpoints) {
      await waitFor(async () => !(await accepts(endpoint)), { what: 'the server to be gone' })
    }
    await waitFor(() => !existsSync(directory), { what: 'the directory to be gone' })
  })
})
