import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GearmanClient } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'
import { startProcess } from '../support/process.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

/** Its handlers compute, without a pause, until the test says that it has seen what they sent. */
const PROGRAM = `
import { existsSync } from 'node:fs'
import { GearmanWorker } from '@glammp/gearman'
const worker = new GearmanWorker(process.argv[2])
const compute = (seen) => { while (!existsSync(process.argv[3] + '/' + seen)); }
worker.addFunction('awaits', async (job) => {
  for (const number of [1, 2]) {
    const sent = [await job.sendStatus(number, 2), await job.sendData('part ' + number)]
    compute('part' + number)
    if (sent.includes(false)) throw new Error('not sent')
  }
  await job.sendWarning('warned')
  compute('warned')
  await job.sendComplete('done')
  compute('done')
})
worker.addFunction('computes', (job) => {
  for (const number of [1, 2]) {
    job.sendStatus(number, 2)
    compute('status' + number)
  }
  return 'done'
})
void worker.work()
`

test('what a handler sends has left before it computes', async () => {
  await using server = await startGearmand()
  await using directory = await temporaryDirectory()
  const args = ['--import', 'tsx', '--input-type=module', '-', server.address, directory.path]
  await using _ = startProcess(process.execPath, args, { input: PROGRAM })
  await using client = new GearmanClient(server.address)
  const see = (name: string): void => void writeFile(join(directory.path, name), '')
  const statuses: number[] = []
  const first = await client.do('awaits', '', {
    onStatus: (numerator) => statuses.push(numerator),
    onData: (part) => see(String(part).replace(' ', '')),
    onWarning: see,
  })
  see(first)
  const onStatus = (numerator: number): void => see(`status${numerator}`)
  expect(await client.do('computes', '', { onStatus })).toBe('done')
  expect(statuses).toEqual([1, 2])
})
