import { GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { startGearmand } from '../support/gearmand.js'
import { startProcess } from '../support/process.js'
import { waitFor } from '../support/wait.js'

/** Jobs that wait for the test, and how often each was begun. */
class Bench {
  readonly begun: string[] = []
  #go: () => void = () => {}
  readonly go: Promise<void> = new Promise((resolve) => {
    this.#go = resolve
  })

  release(): void {
    this.#go()
  }
}

test('close lets the running jobs finish, takes no other, and none runs twice', async ({
  server,
  client,
}) => {
  const bench = new Bench()
  const worker = new GearmanWorker({ servers: server.address, concurrency: 3 })
  worker.addFunction('drained', async (job) => {
    bench.begun.push(job.workload())
    await bench.go
    return `done ${job.workload()}`
  })
  const working = worker.work()
  const calls = [1, 2, 3, 4, 5].map((number) => client.do('drained', number))
  await waitFor(() => bench.begun.length === 3)
  let left = false
  const closed = worker.close().then(() => {
    left = true
  })
  await client.ping()
  expect(left).toBe(false)
  // Had gearmand queued the running jobs again, they would come to this one.
  const begunElsewhere: string[] = []
  await using other = new GearmanWorker({ servers: server.address, concurrency: 5 })
  other.addFunction('drained', (job) => {
    begunElsewhere.push(job.workload())
    return `elsewhere ${job.workload()}`
  })
  void other.work()
  await waitFor(() => begunElsewhere.length === 2)
  bench.release()
  await closed
  await working
  expect(await Promise.all(calls)).toEqual([
    'done 1',
    'done 2',
    'done 3',
    'elsewhere 4',
    'elsewhere 5',
  ])
  expect(begunElsewhere).toEqual(['4', '5'])
  await expect(worker.work()).rejects.toMatchObject({ code: 'ERR_GEARMAN_CLOSED' })
})

test('close with a timeout aborts what still runs, and gearmand gives it to another', async ({
  server,
  client,
}) => {
  const reasons: unknown[] = []
  const worker = new GearmanWorker(server.address)
  worker.addFunction(
    'endless',
    (job) =>
      new Promise(() => {
        job.signal.addEventListener('abort', () => reasons.push(job.signal.reason))
      }),
  )
  const working = worker.work()
  const task = client.submit('endless')
  await waitFor(async () => task.handle && (await client.jobStatus(task.handle)).running)
  await worker.close({ timeout: 100 })
  await working
  expect(reasons).toMatchObject([{ code: 'ERR_GEARMAN_CLOSED' }])
  await using other = new GearmanWorker(server.address)
  other.addFunction('endless', () => 'ended')
  void other.work()
  expect(await task).toBe('ended')
})

test('close ends a worker that has nothing to do, no server, or a server that hangs', async ({
  server,
  client,
}) => {
  const idle = new GearmanWorker({ servers: server.address, concurrency: 2 })
  idle.addFunction('idle', () => 'x')
  const working = idle.work()
  await client.do('idle')
  await idle.close()
  await working

  const nowhere = new GearmanWorker('127.0.0.1:1')
  nowhere.addFunction('idle', () => 'x')
  const waiting = nowhere.work()
  await nowhere.close()
  await waiting

  await using hung = await startGearmand()
  await hung.pause()
  const stuck = new GearmanWorker({ servers: hung.address, timeout: 200 })
  stuck.addFunction('idle', () => 'x')
  const grabbing = stuck.work()
  await stuck.close()
  await grabbing
  await new GearmanWorker(server.address).close()
})

const PROGRAM = `
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
const worker = new GearmanWorker({ servers: process.argv[2], concurrency: 2, handleSignals: true })
worker.addFunction('signalled', async (job) => {
  console.log('begun ' + job.workload())
  await new Promise((resolve) => setTimeout(resolve, 400))
  console.log('ended ' + job.workload())
  return 'result'
})
console.log('working')
await worker.work()
console.log('left')
`

test('SIGTERM lets a worker finish, and the process ends by itself', async ({ server, client }) => {
  const program = startProcess(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-', server.address],
    {
      input: PROGRAM,
    },
  )
  await using _ = program
  await program.waitForOutput('working', 20_000)
  const call = client.do('signalled', 'one')
  await program.waitForOutput('begun one')
  const { code } = await program.kill('SIGTERM')
  expect(await call).toBe('result')
  expect(code).toBe(0)
  expect(program.stdout()).toContain('ended one\nleft')
})

test('a client that is closed holds nothing: the process ends by itself', async ({ server }) => {
  const program = startProcess(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-', server.address],
    {
      input: `
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
const client = new GearmanClient(process.argv[2])
const worker = new GearmanWorker(process.argv[2])
worker.addFunction('x', () => 'y', { timeout: 60_000 })
const working = worker.work()
console.log(await client.do('x', '', { timeout: 60_000, signal: new AbortController().signal }))
client.do('unserved', '', { timeout: 60_000 }).catch((error) => console.log(error.code))
await client.ping()
await client.close()
await worker.close({ timeout: 60_000 })
await working
`,
    },
  )
  await using _ = program
  // Where a timer of a minute held it, the time of the test would be over before.
  const { code, stdout, stderr } = await program.ended
  expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: 'y\nERR_GEARMAN_CLOSED\n' })
})
