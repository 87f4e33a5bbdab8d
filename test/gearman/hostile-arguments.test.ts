import {
  GearmanAdmin,
  GearmanClient,
  GearmanError,
  type GearmanJob,
  GearmanWorker,
} from '@glammp/gearman'
import { GearmanServer } from '@glammp/gearman/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hostile, isAccident } from '../support/hostile.js'
import { methodsOf } from '../support/methods.js'
import { type Arrival, startRecorder } from './recorder.js'

// Whatever is passed at whatever place of whatever call, one packet or line arrives, or nothing.

let server: Awaited<ReturnType<typeof startRecorder>>
let client: GearmanClient
let admin: GearmanAdmin
beforeAll(async () => {
  server = await startRecorder()
  client = new GearmanClient({ servers: server.address, timeout: 2_000 })
  admin = new GearmanAdmin({ servers: server.address, timeout: 2_000 })
  await client.ping()
})
afterAll(async () => {
  await Promise.all([client.close(), admin.close()])
  await server[Symbol.asyncDispose]()
})

type Hostile = (value: never) => unknown
interface Row {
  /** Numbers of the packets, or the lines. */
  readonly sends: readonly number[] | RegExp
  /** More than one for a list. */
  readonly most: number
  /** One for each place. */
  readonly places: readonly Hostile[]
}

/** Of packets that have one part; all others have more. */
const PARTS: Readonly<Record<number, number>> = { 15: 1, 16: 1, 41: 1 }

const packets = (sends: readonly number[], ...places: Hostile[]): Row => ({
  sends,
  most: 1,
  places,
})
const line = (sends: RegExp, ...places: Hostile[]): Row => ({ sends, most: 1, places })

const ROWS: Readonly<Record<string, Row>> = {
  'client.do': packets(
    [7, 37],
    (x) => client.do(x),
    (x) => client.do('f', x),
    (x) => client.do('f', 'x', x),
    (x) => client.do('f', 'x', { unique: x }),
    (x) => client.do('f', 'x', { reducer: x }),
  ),
  'client.doNormal': packets(
    [7],
    (x) => client.doNormal(x),
    (x) => client.doNormal('f', x),
  ),
  'client.doHigh': packets(
    [21],
    (x) => client.doHigh(x),
    (x) => client.doHigh('f', x),
  ),
  'client.doLow': packets(
    [33],
    (x) => client.doLow(x),
    (x) => client.doLow('f', x),
  ),
  'client.doBackground': packets(
    [18],
    (x) => client.doBackground(x),
    (x) => client.doBackground('f', x),
    (x) => client.doBackground('f', 'x', { unique: x }),
  ),
  'client.doHighBackground': packets([32], (x) => client.doHighBackground(x)),
  'client.doLowBackground': packets([34], (x) => client.doLowBackground(x)),
  'client.schedule': packets(
    [36],
    (x) => client.schedule(x, 'x', { delay: 5 }),
    (x) => client.schedule('f', x, { delay: 5 }),
    (x) => client.schedule('f', 'x', { delay: x }),
    (x) => client.schedule('f', 'x', { at: x }),
  ),
  'client.submit': packets(
    [7],
    (x) => client.submit(x),
    (x) => client.submit('f', x),
  ),
  'client.doMany': {
    ...packets(
      [7],
      (x) => client.doMany(x, ['x']),
      (x) => client.doMany('f', [x]),
      (x) => client.doMany('f', x),
    ),
    most: 4,
  },
  'client.runTasks': {
    ...packets(
      [7],
      (x) => client.runTasks(x),
      (x) => client.runTasks([{ function: x }]),
    ),
    most: 4,
  },
  'client.jobStatus': packets([15], (x) => client.jobStatus(x)),
  'client.jobStatusByUnique': packets([41], (x) => client.jobStatusByUnique(x)),
  'client.ping': packets([16], (x) => client.ping(x)),
  'admin.status': line(/^status\r\n$/, (x) => admin.status(x)),
  'admin.priorityStatus': line(/^prioritystatus\r\n$/, (x) => admin.priorityStatus(x)),
  'admin.workers': line(/^workers\r\n$/, (x) => admin.workers(x)),
  'admin.version': line(/^version\r\n$/, (x) => admin.version(x)),
  'admin.pid': line(/^getpid\r\n$/, (x) => admin.pid(x)),
  'admin.verbose': line(/^verbose\r\n$/, (x) => admin.verbose(x)),
  'admin.showJobs': line(/^show jobs\r\n$/, (x) => admin.showJobs(x)),
  'admin.showUniqueJobs': {
    ...line(/^(show unique jobs|version)\r\n$/, (x) => admin.showUniqueJobs(x)),
    most: 2,
  },
  'admin.maxQueue': line(
    /^maxqueue [^\0-\x20]+( -?\d+){0,3}\r\n$/,
    (x) => admin.maxQueue(x, 1),
    (x) => admin.maxQueue('f', x),
    (x) => admin.maxQueue('f', { high: x }),
  ),
  'admin.cancelJob': line(/^cancel job [^\0-\x20]+\r\n$/, (x) => admin.cancelJob(x)),
  'admin.createFunction': line(/^create function [^\0-\x20]+\r\n$/, (x) => admin.createFunction(x)),
  'admin.dropFunction': line(/^drop function [^\0-\x20]+\r\n$/, (x) => admin.dropFunction(x)),
  'admin.shutdown': line(/^shutdown( graceful)?\r\n$/, (x) => admin.shutdown(x)),
}

/** What takes servers, or nothing. */
const WITHOUT = [
  ...['client.metrics', 'client.addServer', 'client.addServers', 'client.close', 'admin.close'],
]

test('there is a row for every call', () => {
  const all = Object.entries({ client, admin }).flatMap(([name, object]) =>
    methodsOf(object).map((method) => `${name}.${method}`),
  )
  expect([...Object.keys(ROWS), ...WITHOUT].sort()).toEqual(all.sort())
})

/** Whether the packet is of the call, and not of the connection. */
const isOwn = ({ type, body }: Arrival): boolean => type !== 26 && !(type === 16 && body === '')

describe.each(Object.entries(ROWS))('%s', (_name, { sends, most, places }) => {
  test('sends its own packet or line, or none', async () => {
    for (const place of places) {
      const property = fc.asyncProperty(hostile, async (value) => {
        const before = server.arrivals.length
        const error: unknown = await Promise.resolve()
          .then(() => place(value as never))
          .then(
            () => undefined,
            (reason: unknown) => reason,
          )
        if (error !== undefined) {
          expect(error).toBeInstanceOf(GearmanError)
          expect(isAccident(error), String(error)).toBe(false)
          expect(String(error)).not.toMatch(/TimeoutError|ConnectionError/)
        }
        const arrived = server.arrivals.slice(before)
        const heard = arrived.filter(
          (each) => isOwn(each) || (Array.isArray(sends) && sends.includes(16)),
        )
        expect(heard.length, JSON.stringify(heard)).toBeLessThanOrEqual(most)
        for (const { type, body } of heard) {
          if (sends instanceof RegExp) {
            expect(type).toBe(0)
            expect(body).toMatch(sends)
          } else {
            expect(sends).toContain(type)
            // The name of a function, and an id, hold no NUL: each packet has as many parts as it must.
            expect(body.split('\0').length).toBeGreaterThanOrEqual(PARTS[type] ?? 2)
          }
        }
      })
      await fc.assert(property, { numRuns: 150 })
    }
  })
})

describe('a handler', () => {
  const SENT: Readonly<Record<string, (job: GearmanJob<unknown>, x: never) => unknown>> = {
    sendStatus: (job, x) => job.sendStatus(x, x),
    sendData: (job, x) => job.sendData(x),
    sendWarning: (job, x) => job.sendWarning(x),
    sendComplete: (job, x) => job.sendComplete(x),
    sendFail: (job) => job.sendFail(),
    sendException: (job, x) => job.sendException(x),
    'a value that it returns': (_job, x) => x,
    'what it throws': (_job, x) => {
      throw x
    },
  }

  test('has a row for all that a job can send', async () => {
    await using real = await GearmanServer.start()
    await using worker = new GearmanWorker(real.address)
    await using asker = new GearmanClient(real.address)
    let names: string[] = []
    worker.addFunction('f', (job) => {
      names = methodsOf(job).filter((name) => name.startsWith('send'))
    })
    void worker.work()
    await asker.do('f')
    expect(
      Object.keys(SENT)
        .filter((name) => name.startsWith('send'))
        .sort(),
    ).toEqual(names.sort())
  })

  test.each(Object.entries(SENT))('sends whatever with %s, and one end', async (_name, send) => {
    await using real = await GearmanServer.start()
    await using worker = new GearmanWorker({ servers: real.address, codec: 'string' })
    await using asker = new GearmanClient(real.address)
    let value: unknown
    worker.addFunction('f', (job) => send(job, value as never))
    void worker.work()
    const property = fc.asyncProperty(hostile, async (given) => {
      value = given
      const before = real.requests.length
      await asker.do('f').catch((error: unknown) => expect(error).toBeInstanceOf(GearmanError))
      const said = real.requests.slice(before).filter(({ handle }) => handle !== undefined)
      const ends = said.filter(({ packet }) => /^WORK_(COMPLETE|FAIL|EXCEPTION)$/.test(packet))
      expect(ends.length).toBeGreaterThanOrEqual(1)
      // An exception is told twice, as one and as a failure: clients may not have asked for the first.
      expect(ends.length).toBeLessThanOrEqual(2)
      expect(said.length - ends.length).toBeLessThanOrEqual(1)
    })
    await fc.assert(property, { numRuns: 150 })
  })

  test('is registered under one name, or refused', async () => {
    await using real = await GearmanServer.start()
    await using worker = new GearmanWorker(real.address)
    worker.addFunction('first', () => {})
    void worker.work()
    const property = fc.asyncProperty(hostile, async (name) => {
      try {
        worker.addFunction(name as never, () => {})
        worker.removeFunction(name as never)
      } catch (error) {
        expect(error).toBeInstanceOf(GearmanError)
        expect(isAccident(error), String(error)).toBe(false)
      }
      try {
        worker.removeFunction(name as never)
      } catch (error) {
        expect(error).toBeInstanceOf(GearmanError)
      }
    })
    await fc.assert(property, { numRuns: 300 })
    await using asker = new GearmanClient(real.address)
    await asker.do('first')
    const kinds = new Set(real.requests.map(({ packet }) => packet))
    expect([...kinds].filter((kind) => /TEXT|UNUSED|SHUTDOWN/.test(kind))).toEqual([])
  })
})
