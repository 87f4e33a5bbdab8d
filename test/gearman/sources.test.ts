import { once } from 'node:events'
import { Readable } from 'node:stream'
import { GearmanClient, type JobOptions } from '@glammp/gearman'
import { describe, expect } from 'vitest'
import { test } from '../support/gearman.js'
import { waitFor } from '../support/wait.js'

test.beforeAll(({ worker }) => {
  worker.addFunction('echo', (job) => job.workload())
  worker.addFunction('unique', (job) => job.unique)
})

const never = new Promise<never>(() => {})

/** A source that gives one value and then nothing more, and whether it was told of its end. */
interface Silent {
  readonly source: AsyncIterable<string> | Iterable<string>
  readonly told: () => boolean
}

/** An async iterable by hand; its second `next` is what is given. */
const byHand = (second: unknown, close?: () => unknown): Silent => {
  let told = false
  let taken = 0
  // biome-ignore lint/suspicious/noThenProperty: a thenable is as good as a promise
  const first = { then: (take: (step: object) => void) => take({ done: false, value: 'a' }) }
  const iterator = {
    next: () => (taken++ === 0 ? first : second),
    return: () => {
      told = true
      return close === undefined ? never : close()
    },
  }
  return { source: { [Symbol.asyncIterator]: () => iterator } as never, told: () => told }
}

const silences: [string, () => Silent][] = [
  ['an async iterable', () => byHand(never)],
  [
    'one whose end throws',
    () =>
      byHand(never, () => {
        throw new Error('no end')
      }),
  ],
  ['one whose end rejects', () => byHand(never, () => Promise.reject(new Error('no end')))],
  [
    'a Readable',
    () => {
      const source = new Readable({ objectMode: true, read() {} })
      source.push('a')
      return { source, told: () => source.destroyed }
    },
  ],
  [
    'a web stream',
    () => {
      let told = false
      const source = new ReadableStream<string>({
        start: (controller) => controller.enqueue('a'),
        cancel: () => {
          told = true
        },
      })
      return { source: source as never, told: () => told }
    },
  ],
  [
    'a generator of promises',
    () => {
      let told = false
      function* promises() {
        try {
          yield Promise.resolve('a')
          yield never
        } finally {
          told = true
        }
      }
      return { source: promises() as Iterable<never>, told: () => told }
    },
  ],
]

describe.each(silences)('%s that gives no more', (_, make) => {
  test('does not keep doMany from its end by a signal', async ({ server }) => {
    const { source, told } = make()
    await using own = new GearmanClient(server.address)
    const controller = new AbortController()
    const all = own.doMany('echo', source, { signal: controller.signal })
    await waitFor(() => own.metrics().functions['echo']?.jobs === 1)
    controller.abort()
    expect(await all).toMatchObject([{ value: 'a' }])
    expect(told()).toBe(true)
  })

  test('does not keep doMany from its end by close', async ({ server }) => {
    const { source, told } = make()
    const own = new GearmanClient(server.address)
    const all = own.doMany('echo', source)
    await waitFor(() => own.metrics().functions['echo']?.jobs === 1)
    await own.close()
    expect(await all).toMatchObject([{ value: 'a' }])
    expect(told()).toBe(true)
  })
})

test('what a source gives after the end is not a job', async ({ client }) => {
  let give: (step: object) => void = () => {}
  const late = new Promise((resolve) => {
    give = resolve
  })
  const { source } = byHand(late, () => undefined)
  const controller = new AbortController()
  const all = client.doMany('late', source, { background: true, signal: controller.signal })
  await waitFor(() => client.metrics().functions['late']?.jobs === 1)
  controller.abort()
  give({ done: false, value: 'late' })
  expect(await all).toHaveLength(1)
  await client.ping()
  expect(client.metrics().functions['late']?.jobs).toBe(1)
})

test.for<[string, () => unknown, ErrorConstructor]>([
  ['has no iterator', () => 7, TypeError],
  ['rejects', () => byHand(Promise.reject(new RangeError('no step'))).source, RangeError],
  ['gives a number for a step', () => byHand(7).source, TypeError],
  ['gives one at once', () => ({ [Symbol.iterator]: () => ({ next: () => 7 }) }), TypeError],
  ['gives a thenable that throws', () => byHand(throwing('then')).source, RangeError],
  ['gives no step', () => byHand(undefined).source, TypeError],
])('a source that %s is an error of its call', async ([_, source, kind], { client }) => {
  await expect(client.doMany('echo', source() as never)).rejects.toBeInstanceOf(kind)
  expect(await client.do('echo', 'x')).toBe('x')
  expect(client.metrics().pending).toBe(0)
})

test('an array may hold promises; those that do not come are given up', async ({
  server,
  client,
}) => {
  const ends = await client.doMany('echo', [Promise.resolve('a'), 'b'] as string[])
  expect(ends).toMatchObject([{ value: 'a' }, { value: 'b' }])
  for (const code of [undefined, 'ERR_GEARMAN_CLOSED']) {
    const own = new GearmanClient(server.address)
    const controller = new AbortController()
    const workloads = ['a', never, 'c'] as string[]
    const all = own.doMany('echo', workloads, { signal: controller.signal })
    await waitFor(() => own.metrics().functions['echo']?.jobs === 1)
    if (code === undefined) controller.abort('enough')
    else await own.close()
    const reason = code === undefined ? 'enough' : { code }
    const refused = { status: 'rejected', reason }
    expect(await all).toMatchObject([{ value: 'a' }, refused, refused])
    await own.close()
  }
})

test('a task has its own signal beside that of all', async ({ client }) => {
  const own = new AbortController()
  const all = new AbortController()
  const task = { function: 'unserved', signal: own.signal }
  const ends = client.runTasks([task, task], { signal: all.signal })
  await client.ping()
  all.abort('enough')
  const refused = { status: 'rejected', reason: 'enough' }
  expect(await ends).toMatchObject([refused, refused])
})

/** An object of which one property throws. */
function throwing(name: string): object {
  return Object.defineProperty({}, name, {
    enumerable: true,
    get: () => {
      throw new RangeError(`${name} is broken`)
    },
  })
}

const names = ['timeout', 'signal', 'priority', 'background', 'unique', 'codec', 'retries']
const calls: [string, (client: GearmanClient, options: JobOptions) => Promise<unknown>][] = [
  ['do', (client, options) => client.do('echo', 'x', options)],
  ['doHigh', (client, options) => client.doHigh('echo', 'x', options)],
  ['doLow', (client, options) => client.doLow('echo', 'x', options)],
  ['doBackground', (client, options) => client.doBackground('echo', 'x', options)],
  ['doHighBackground', (client, options) => client.doHighBackground('echo', 'x', options)],
  ['doLowBackground', (client, options) => client.doLowBackground('echo', 'x', options)],
  ['schedule', (client, options) => client.schedule('echo', 'x', options as never)],
  ['doMany', (client, options) => client.doMany('echo', ['x'], options)],
]

test.for(calls)(
  'a getter that throws in the options of %s rejects it',
  async ([_, call], { client }) => {
    for (const name of names) {
      let promise: Promise<unknown> | undefined
      expect(() => {
        promise = call(client, throwing(name))
      }).not.toThrow()
      await expect(promise).rejects.toThrow()
    }
    expect(client.metrics().pending).toBe(0)
    expect(await client.do('echo', 'on')).toBe('on')
  },
)

test('a getter that throws in the options of submit, ping and jobStatus harms that call alone', async ({
  client,
}) => {
  for (const name of [...names, 'onStatus', 'onData']) {
    // `submit` throws for invalid options; what is read later is the task's failure.
    await expect(async () => await client.submit('echo', 'x', throwing(name))).rejects.toThrow()
  }
  await expect(client.ping(throwing('timeout'))).rejects.toThrow('broken')
  await expect(client.jobStatus('H:x:1', throwing('signal'))).rejects.toThrow('broken')
  expect(client.metrics().pending).toBe(0)
  expect(await client.do('echo', 'on')).toBe('on')
})

test('a priority that is another one at its second reading is refused, and nothing is sent', async ({
  client,
}) => {
  for (const later of ['constructor', '__proto__', 5]) {
    let readings = 0
    const options = {
      get priority() {
        readings += 1
        return readings === 1 ? 'high' : later
      },
    }
    const call = client.do('echo', 'x', options as JobOptions)
    await expect(call).rejects.toMatchObject({ code: 'ERR_GEARMAN_INVALID_ARGUMENT' })
  }
  expect(await client.do('echo', 'x')).toBe('x')
})

test('a task whose getter throws rejects in its place; what tasks and options inherit counts', async ({
  client,
}) => {
  class Row {
    readonly #number: number
    constructor(number: number) {
      this.#number = number
    }
    get function() {
      return 'unique'
    }
    get unique() {
      if (this.#number === 1) throw new RangeError('row 1 is broken')
      return `row-${this.#number}`
    }
  }
  const ends = await client.runTasks([new Row(0), new Row(1), new Row(2)])
  const broken = { status: 'rejected', reason: new RangeError('row 1 is broken') }
  expect(ends).toEqual([
    { status: 'fulfilled', value: 'row-0' },
    broken,
    { status: 'fulfilled', value: 'row-2' },
  ])
  expect(await client.doHigh('unique', '', new Row(3))).toBe('row-3')
  expect(await client.doMany('unique', [''], new Row(4))).toMatchObject([{ value: 'row-4' }])
})

describe.each(silences)('a workload of %s that gives no more', (_, make) => {
  const length = 10
  const submissions: [string, (own: GearmanClient, source: never) => Promise<unknown>][] = [
    ['do', (own, source) => own.do('echo', source, { length })],
    ['doBackground', (own, source) => own.doBackground('echo', source, { length })],
    ['submit', async (own, source) => await own.submit('echo', source, { length })],
  ]
  // A generator that is not async is a value.
  const isStream = Symbol.asyncIterator in make().source
  test.runIf(isStream).for(submissions)(
    '%s ends when the client is closed',
    async ([__, submit], { server }) => {
      const { source, told } = make()
      const own = new GearmanClient(server.address)
      const call = submit(own, source as never)
      const ended = expect(call).rejects.toMatchObject({ code: 'ERR_GEARMAN_CLOSED' })
      await own.ping()
      await own.close()
      await ended
      expect(told()).toBe(true)
    },
  )
})

test('a workload is closed where its call was refused before', async ({ server }) => {
  const own = new GearmanClient(server.address)
  const refused = [{ signal: AbortSignal.abort() }, {}]
  for (const options of refused) {
    const source = Readable.from(['a'])
    await expect(own.do('echo', source, { length: 1, ...options })).rejects.toThrow()
    if (!source.closed) await once(source, 'close')
    await own.close()
  }
})
