import { GearmanAdmin, GearmanClient, InvalidArgumentError } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'

test('a handle of a server that is not there harms and tells of no job of another server', async () => {
  await using one = await startGearmand()
  await using two = await startGearmand()
  await using first = new GearmanClient(one.address)
  await using second = new GearmanClient(two.address)
  // On one host both count from 1: the jobs have the same name.
  const mine = await first.doBackground('f', 'mine')
  const other = await second.doBackground('invoice', 'of somebody else')
  const [server = '', local = ''] = mine.split('//')
  expect(other).toBe(`${two.address}//${local}`)

  await using admin = new GearmanAdmin(two.address)
  for (const foreign of [mine, `nowhere//${local}`, `/no.sock//${local}`, `//${local}`]) {
    for (const asked of [admin.cancelJob(foreign), second.jobStatus(foreign)]) {
      const error = await asked.catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(InvalidArgumentError)
      expect((error as Error).message).toContain(two.address)
    }
  }
  expect(await second.jobStatus(other)).toMatchObject({ known: true })

  await using both = new GearmanAdmin([one.address, two.address])
  expect(await both.cancelJob(mine)).toBe(true)
  // gearmand keeps a cancelled job until a worker asks for it.
  expect(await both.showJobs()).toMatchObject({
    [one.address]: [{ handle: local, ignored: true }],
    [two.address]: [{ handle: local, ignored: false }],
  })
  // Its URL is another way to write it; alone, the name is asked of all.
  expect(await first.jobStatus(`gearman://${server}//${local}`)).toMatchObject({ known: true })
  expect(await second.jobStatus(local)).toMatchObject({ known: true })
  expect(await admin.cancelJob(local)).toBe(true)
})
