import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { beforeEach, expect } from 'vitest'
import { test } from '../support/gearman.js'
import type { GearmandServer } from '../support/gearmand.js'
import { run, startProcess } from '../support/process.js'
import { waitFor } from '../support/wait.js'

const probe = await run('gearman', ['-H']).catch(() => undefined)
const hasTool = probe !== undefined && `${probe.stdout}${probe.stderr}`.includes('-f')

beforeEach(({ skip }) => {
  skip(!hasTool, 'the gearman command-line tool is not installed')
})

const tool = (server: GearmandServer, ...args: string[]): [string, string[]] => [
  'gearman',
  ['-h', server.host, '-p', String(server.port), ...args],
]

test('the tool as a client of our worker', async ({ server }) => {
  const background: string[] = []
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 2 })
  worker.addFunction('title', (job) =>
    job.workload().replace(/\b\w/g, (letter) => letter.toUpperCase()),
  )
  worker.addFunction('log', (job) => {
    background.push(job.workload())
  })
  void worker.work()
  const { code, stdout } = await run(...tool(server, '-f', 'title', 'o ivo andava de patins'))
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'O Ivo Andava De Patins' })
  expect((await run(...tool(server, '-b', '-f', 'log', 'one record'))).code).toBe(0)
  await waitFor(() => background.length === 1)
  expect(background).toEqual(['one record'])
})

test('the tool as a worker for our client', async ({ server }) => {
  await using client = new GearmanClient(server.address)
  await using worker = startProcess(...tool(server, '-w', '-f', 'sorted', '--', 'sort'))
  const text = Array.from({ length: 2_000 }, (_, index) => `line ${9_999 - index}`)
  expect(await client.do('sorted', text.join('\n'))).toBe(`${text.sort().join('\n')}\n`)
  expect(worker.stderr()).toBe('')
})
