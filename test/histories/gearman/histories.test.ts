import { expect, test } from 'vitest'
import { serversAreProcesses } from '../../support/server-source.js'
import { runSeeds } from '../seeds.js'
import { gearman } from './subject.js'

const SEEDS = 50

/** Side by side; each mostly waits. */
const JOBS = 12

test.skipIf(!serversAreProcesses)(
  `${SEEDS} random programs keep what the documents promise`,
  {
    timeout: 300_000,
  },
  async () => {
    const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1)
    const said: string[] = []
    const say = (text: string): unknown => said.push(text)
    const { failed } = await runSeeds(gearman, seeds, { jobs: JOBS, shrink: 20, say })
    expect(failed, said.join('\n')).toEqual([])
  },
)
