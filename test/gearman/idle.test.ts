import { fileURLToPath } from 'node:url'
import { GearmanClient } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'
import { startProcess } from '../support/process.js'

/** How long a worker is watched; a window of 4 s shows a loop as well as one of 60 s. */
const SECONDS = Number(process.env['GLAMMP_TEST_IDLE_SECONDS'] ?? 4)
const program = fileURLToPath(new URL('./fixtures/idle-worker.mjs', import.meta.url))

test.each([
  ['that sleeps', false],
  ['that gearmand 1.1.20 wakes for a job that is not due yet', true],
])(
  'a worker %s uses less than 1 % of a core',
  { timeout: 40_000 + SECONDS * 1_000 },
  async (what, scheduled) => {
    await using server = await startGearmand()
    await using client = new GearmanClient(server.address)
    await using worker = startProcess(process.execPath, [program, server.address], {
      timeout: 60_000 + SECONDS * 1_000,
    })
    expect(await client.do('idle', 'started')).toBe('started')
    if (scheduled) {
      await client.schedule('idle', 'x', { delay: 3_600_000 })
      // Behind it in the same function, this one wakes the worker over and over, and is never given.
      await client.doLowBackground('idle', 'blocked')
    }
    // What the start left to collect and to compile is over by then.
    worker.write('1')
    await worker.waitForOutput('idle', 20_000)
    worker.write(String(SECONDS))
    await worker.waitForOutput(/idle[\s\S]*idle.*\n/, 20_000 + SECONDS * 1_000)
    const percent = Number(/([\d.]+) %\n$/.exec(worker.stdout())?.[1])
    console.log(`a worker ${what}: ${percent} % of a core over ${SECONDS} s`)
    expect(percent).toBeLessThan(1)
    expect(await client.doHigh('idle', 'awake')).toBe('awake')
  },
)
