import {
  type CallOptions,
  type CloseOptions,
  defineJob,
  type FunctionOptions,
  GearmanAdmin,
  type GearmanAdminOptions,
  GearmanClient,
  type GearmanClientOptions,
  GearmanError,
  GearmanWorker,
  type GearmanWorkerOptions,
  InvalidArgumentError,
  type JobOptions,
  type ManyOptions,
  type ScheduleOptions,
} from '@glammp/gearman'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FakeServer, startFakeServer } from '../support/fake-server.js'

// What a caller passes is looked at before anything is sent. One table, over every call and every option.

let server: FakeServer
let client: GearmanClient
let worker: GearmanWorker
let admin: GearmanAdmin
beforeAll(async () => {
  server = await startFakeServer(() => {})
  const { address: servers } = server
  client = new GearmanClient({ servers, timeout: 500 })
  worker = new GearmanWorker({ servers, timeout: 500 })
  admin = new GearmanAdmin({ servers, timeout: 500 })
})
afterAll(async () => {
  await Promise.all([client.close(), worker.close(), admin.close()])
  await server.stop()
})

/** Invalid values of each option; an option that is missing here does not compile. */
type Wrong<T> = { readonly [Name in keyof T]-?: readonly unknown[] }

const CALL: Wrong<CallOptions> = {
  timeout: ['5', null, true, 5n, 0, -1, Number.NaN, Infinity, 2 ** 31],
  signal: [null, {}, 'abort', () => {}],
}
const CODEC = ['constructor', '__proto__', null, {}, 5, ['json'], Symbol('json')]
const { timeout, signal } = CALL
const JOB: Wrong<JobOptions> = {
  timeout,
  signal,
  unique: [5, null, ['a'], '', 'x'.repeat(64)],
  priority: ['constructor', '__proto__', 'toString', 'urgent', 1, null, ['high']],
  background: ['true', 1, null],
  onStatus: ['log', {}, null],
  onData: ['log', {}, null],
  onWarning: ['log', {}, null],
  codec: CODEC,
  length: ['5', -1, 1.5, Number.NaN, null],
  retries: ['1', -1, 1.5, Infinity, null],
  reducer: [5, null, {}],
}
const { priority, background, onStatus, onData, onWarning, reducer, ...ORDER } = JOB
const SCHEDULE: Wrong<ScheduleOptions> = {
  ...ORDER,
  at: [null, '2030', new Date(Number.NaN), -1, Number.NaN, Infinity, {}, [5], true],
  delay: [null, '60', -1, Number.NaN, Infinity, 5n],
}
const concurrency = ['1', 0, -1, 1.5, Number.NaN, null]
const MANY: Wrong<ManyOptions & Pick<JobOptions, 'signal'>> = { concurrency, signal }
const FUNCTION: Wrong<FunctionOptions> = {
  timeout,
  codec: CODEC,
  serverTimeout: ['5000', 999, 1_000.5, 2 ** 31, null],
  rateLimit: [5, null, {}, { jobs: 1 }, { jobs: '1', per: 1 }, { jobs: 1, per: 0 }, { job: 1 }],
}
const CLOSE: Wrong<CloseOptions> = { timeout, signal }

interface Row {
  readonly options: Readonly<Record<string, readonly unknown[]>>
  /** Rejects, or throws where it returns no promise. */
  readonly call: (options: never) => unknown
  readonly throws?: true
}

const job = (call: (options: never) => unknown): Row => ({ options: JOB, call })
const query = (call: (options: never) => unknown): Row => ({ options: CALL, call })

const ROWS: Readonly<Record<string, Row>> = {
  'client.do': job((o) => client.do('f', 'x', o)),
  'client.doNormal': job((o) => client.doNormal('f', 'x', o)),
  'client.doHigh': job((o) => client.doHigh('f', 'x', o)),
  'client.doLow': job((o) => client.doLow('f', 'x', o)),
  'client.doBackground': job((o) => client.doBackground('f', 'x', o)),
  'client.doHighBackground': job((o) => client.doHighBackground('f', 'x', o)),
  'client.doLowBackground': job((o) => client.doLowBackground('f', 'x', o)),
  'client.schedule': { options: SCHEDULE, call: (o) => client.schedule('f', 'x', o) },
  'client.submit': { ...job((o) => client.submit('f', 'x', o)), throws: true },
  'client.doMany': {
    options: { ...JOB, concurrency },
    call: (o) => client.doMany('f', ['x'], o),
  },
  'client.runTasks': { options: MANY, call: (o) => client.runTasks([{ function: 'f' }], o) },
  'client.jobStatus': query((o) => client.jobStatus('H:a:1', o)),
  'client.jobStatusByUnique': query((o) => client.jobStatusByUnique('u', o)),
  'client.ping': query((o) => client.ping(o)),
  'worker.addFunction': {
    options: FUNCTION,
    call: (o) => worker.addFunction('f', () => {}, o),
    throws: true,
  },
  'worker.close': { options: CLOSE, call: (o) => worker.close(o) },
  defineJob: { options: { codec: CODEC }, call: (o) => defineJob('f', o), throws: true },
  'admin.status': query((o) => admin.status(o)),
  'admin.priorityStatus': query((o) => admin.priorityStatus(o)),
  'admin.workers': query((o) => admin.workers(o)),
  'admin.version': query((o) => admin.version(o)),
  'admin.pid': query((o) => admin.pid(o)),
  'admin.verbose': query((o) => admin.verbose(o)),
  'admin.showJobs': query((o) => admin.showJobs(o)),
  'admin.showUniqueJobs': query((o) => admin.showUniqueJobs(o)),
  'admin.maxQueue': query((o) => admin.maxQueue('f', 5, o)),
  'admin.cancelJob': query((o) => admin.cancelJob('H:a:1', o)),
  'admin.createFunction': query((o) => admin.createFunction('f', o)),
  'admin.dropFunction': query((o) => admin.dropFunction('f', o)),
  'admin.shutdown': {
    options: { ...CALL, graceful: ['yes', 1, null] },
    call: (o) => admin.shutdown(o),
  },
}

/** Those that take no options. */
const WITHOUT = [
  ...['client.metrics', 'client.addServer', 'client.addServers', 'client.close'],
  ...['worker.metrics', 'worker.removeFunction', 'worker.use', 'worker.addServer'],
  ...['worker.addServers', 'worker.work', 'worker.workOnce', 'admin.close'],
]

/** Nothing may have left, nor been tried to. */
const expectSilence = (): void => {
  expect({ sent: server.received().length, connections: server.connections }).toEqual({
    sent: 0,
    connections: 0,
  })
}

/** What becomes of a call that has to reject, or else to throw. */
const failureOf = async ({ call, throws }: Row, options: unknown): Promise<unknown> => {
  try {
    const result = call(options as never)
    if (throws) return 'no failure'
    return (result as Promise<unknown>).then(
      () => 'no failure',
      (error: unknown) => error,
    )
  } catch (error) {
    return throws ? error : 'an error out of the call itself'
  }
}

const expectRefusal = (error: unknown, ...words: string[]): void => {
  expect(error).toBeInstanceOf(InvalidArgumentError)
  expect(error).toBeInstanceOf(GearmanError)
  expect(error).toBeInstanceOf(TypeError)
  for (const word of words) expect((error as Error).message).toContain(word)
  expectSilence()
}

test('there is a row for every call', () => {
  const methods = Object.entries({ client, worker, admin }).flatMap(([name, object]) =>
    Object.getOwnPropertyNames(Object.getPrototypeOf(object))
      .filter((method) => method !== 'constructor')
      .filter(
        (method) => !Object.getOwnPropertyDescriptor(Object.getPrototypeOf(object), method)?.get,
      )
      .map((method) => `${name}.${method}`),
  )
  const rows = [...WITHOUT, ...Object.keys(ROWS)].filter((name) => name !== 'defineJob')
  expect(rows.sort()).toEqual(methods.sort())
})

describe.each(Object.entries(ROWS))('%s', (_name, row) => {
  test('refuses an unknown option, by its name', async () => {
    const names = Object.keys(row.options)
    expectRefusal(await failureOf(row, { expires: 60 }), "'expires'", ...names)
    expectRefusal(await failureOf(row, { constructor: 1 }), "'constructor'")
    expectRefusal(await failureOf(row, JSON.parse('{ "__proto__": 1 }')), "'__proto__'")
  })

  test('refuses anything but options', async () => {
    const { signal: bare } = new AbortController()
    const others = ['text', '', true, null, () => {}, [], ['a'], Symbol('s'), new Map(), 5, 5n]
    for (const value of [...others, bare, new URL('a://b'), new Date()]) {
      expectRefusal(await failureOf(row, value))
    }
  })

  test.each(Object.entries(row.options))(
    'refuses %s with an invalid value',
    async (option, values) => {
      for (const value of values) {
        expectRefusal(await failureOf(row, { [option]: value }), option)
        expectRefusal(await failureOf(row, Object.create({ [option]: value })), option)
      }
    },
  )
})

test('a task of many is refused in its own place', async () => {
  const wrong = [
    { function: 'f', timeout: '5' },
    { function: 'f', priority: 'constructor' },
    { function: 'f', expires: 60 },
    { workload: 'x' },
    'text',
    null,
  ]
  const ends = await client.runTasks(wrong as never)
  expect(ends).toHaveLength(wrong.length)
  for (const end of ends) {
    expect(end).toMatchObject({ status: 'rejected', reason: expect.any(InvalidArgumentError) })
  }
  expectSilence()
})

test('text and bytes are not a list of tasks', async () => {
  for (const list of ['abc', new Object('abc'), Buffer.from('abc'), 5, null, undefined, {}]) {
    const many = { call: () => client.doMany('f', list as never), options: {} }
    expectRefusal(await failureOf(many, undefined), 'workloads')
    const tasks = { call: () => client.runTasks(list as never), options: {} }
    expectRefusal(await failureOf(tasks, undefined), 'tasks')
  }
})

test('a schedule says when, once', async () => {
  const scheduled = (options: unknown) => ({
    call: () => client.schedule('f', 'x', options as never),
    options: {},
  })
  for (const options of [undefined, {}, { at: 5, delay: 5 }]) {
    expectRefusal(await failureOf(scheduled(options), undefined), 'at', 'delay')
  }
})

test('names, handles and limits are what gearmand takes', async () => {
  for (const name of [5, null, undefined, '', {}, Symbol('f'), 'a b']) {
    const fn = name as string
    for (const call of [
      () => client.do(fn),
      () => admin.createFunction(fn),
      () => admin.dropFunction(fn),
      () => admin.maxQueue(fn, 1),
    ]) {
      expectRefusal(await failureOf({ call, options: {} }, undefined))
    }
    expect(() => worker.addFunction(fn, () => {})).toThrow(InvalidArgumentError)
    if (fn !== 'a b') expect(() => defineJob(fn)).toThrow(InvalidArgumentError)
  }
  for (const handle of [5, null, undefined, '', 'H:a b:1', `H:${'a'.repeat(64)}`]) {
    for (const call of [
      () => client.jobStatus(handle as string),
      () => admin.cancelJob(handle as string),
    ]) {
      expectRefusal(await failureOf({ call, options: {} }, undefined))
    }
  }
  for (const limit of [
    '5',
    null,
    0,
    -1,
    1.5,
    2 ** 31,
    { hihg: 1 },
    { high: '1' },
    { low: 0 },
    [],
  ]) {
    const call = () => admin.maxQueue('f', limit as number)
    expectRefusal(await failureOf({ call, options: {} }, undefined))
  }
})

describe('options of the constructors', () => {
  const COMMON: Wrong<GearmanAdminOptions> = {
    servers: [5, null, {}, [5], '', new URL('gearman://a'), [['a', 4730]], [{ hostname: 'a' }]],
    timeout,
    connectTimeout: timeout,
    tls: ['true', 1, null, []],
  }
  const CONNECTED = {
    ...COMMON,
    namespace: [5, null],
    codec: CODEC,
    heartbeat: [true, '30000', 0, null],
  }
  const CLIENT: Wrong<GearmanClientOptions> = {
    ...CONNECTED,
    maxPending: ['1', 0, 1.5, null],
    traceContext: ['id', {}, null],
  }
  const WORKER: Wrong<GearmanWorkerOptions> = {
    ...CONNECTED,
    concurrency,
    clientId: [5, null, 'a b\n'],
    handleSignals: ['false', 1, null],
    pollInterval: ['1', 0, null],
    sandbox: [5, null, { thread: 1 }, { threads: '1' }, { resourceLimits: { maxOld: 1 } }],
  }
  const TYPES = [
    ['GearmanClient', GearmanClient, CLIENT],
    ['GearmanWorker', GearmanWorker, WORKER],
    ['GearmanAdmin', GearmanAdmin, COMMON],
  ] as const

  test.each(TYPES)('of a %s are refused by name and type', (_name, Type, wrong) => {
    const make = (options: unknown) => () => new Type(options as never)
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        expect(make({ [name]: value }), name).toThrow(InvalidArgumentError)
        expect(make({ [name]: value })).toThrow(name.replace(/s$/, ''))
      }
    }
    for (const name of Object.keys(wrong)) expect(make({ timout: 1 })).toThrow(name)
    for (const options of [5, null, () => {}, new Map(), new URL('gearman://a:1'), Symbol('a')]) {
      expect(make(options)).toThrow(InvalidArgumentError)
    }
  })

  test('and servers that come later are looked at like the first', () => {
    for (const given of [5, null, {}, '', 'gearman://u:hunter,secret@a', [{ hostname: 'a' }]]) {
      for (const place of [client, worker]) {
        const add = () => place.addServers(given as never)
        expect(add).toThrow(InvalidArgumentError)
        expect(add).not.toThrow(/hunter|secret/)
      }
    }
    expect(() => client.addServer('a', '4730' as never)).toThrow(InvalidArgumentError)
  })
})
