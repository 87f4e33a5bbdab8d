import { expect, test } from 'vitest'
import { JobFailure } from '../errors.js'
import type { GearmanJob } from '../job.js'
import { settled } from '../link/fake-connection.js'
import { COMPLETE, start } from './fake-run.js'

test('what the handler returns completes the job, at once or later', async () => {
  const soon = start(() => 'done')
  const later = start(async () => {
    await settled()
    return 'done'
  })
  for (const { connection, owner, ends, ended, run } of [soon, later]) {
    await settled()
    await settled()
    expect(connection.packets).toEqual(COMPLETE)
    expect(owner.slots).toBe(1)
    expect(ends).toMatchObject([{ handle: 'a:4730//H:1', function: 'title', outcome: 'complete' }])
    expect(ended).toEqual([run])
    expect(run.over).toBe(true)
  }
})

test('the handler is given the job as gearmand assigned it, without the namespace', async () => {
  let seen: GearmanJob | undefined
  const { connection } = start(
    (job) => {
      seen = job
      return job.workload()
    },
    {
      fn: { wireName: 'ns:title' },
      assignment: { unique: Buffer.from('ü').toString('latin1'), reducer: 'ns:sum' },
    },
  )
  await settled()
  expect(seen).toMatchObject({
    handle: 'a:4730//H:1',
    functionName: 'title',
    unique: 'ü',
    reducer: 'sum',
  })
  expect(connection.packets).toEqual(['WORK_COMPLETE H:1 workload'])
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

// Made when they are thrown: not all of them can be printed.
test.each<[make: () => unknown, packet: string]>([
  [() => new Error('oh'), 'WORK_EXCEPTION H:1 oh'],
  [() => new Error('größer'), `WORK_EXCEPTION H:1 größer`],
  [() => new Error(''), 'WORK_EXCEPTION H:1 '],
  [() => 'text', 'WORK_EXCEPTION H:1 text'],
  [() => undefined, 'WORK_EXCEPTION H:1 undefined'],
  [() => null, 'WORK_EXCEPTION H:1 null'],
  [() => 0, 'WORK_EXCEPTION H:1 0'],
  [() => Symbol('s'), 'WORK_EXCEPTION H:1 Symbol(s)'],
  [() => Object.create(null), 'WORK_EXCEPTION H:1 a value without text'],
  [() => revoked(), 'WORK_EXCEPTION H:1 a value without text'],
  [() => Object.assign(new Error('x'), { message: undefined }), 'WORK_EXCEPTION H:1 undefined'],
  [() => new JobFailure('with words'), 'WORK_FAIL H:1'],
])('what a handler throws is one final packet: %#', async (make, packet) => {
  const thrown = make()
  const failing = [
    start(() => {
      throw thrown
    }),
    start(async () => {
      await settled()
      throw thrown
    }),
  ]
  await settled()
  await settled()
  for (const { connection, owner, ends } of failing) {
    expect(connection.packets).toEqual([packet])
    expect(owner.slots).toBe(1)
    expect(ends).toHaveLength(1)
    expect(ends[0]?.outcome).toBe(packet.startsWith('WORK_FAIL') ? 'fail' : 'exception')
    expect(ends[0]?.error).toBe(thrown)
  }
})

test('a result that the codec does not take is an exception', async () => {
  const { connection, owner, ends } = start(() => () => 'a function')
  await settled()
  expect(connection.packets).toHaveLength(1)
  expect(connection.packets[0]).toMatch(/^WORK_EXCEPTION H:1 /)
  expect(ends).toMatchObject([{ outcome: 'exception', error: { name: 'InvalidArgumentError' } }])
  expect(owner.slots).toBe(1)
})

test('a thenable that calls back twice, and throws, ends the job once', async () => {
  const { connection, owner } = start(
    () =>
      ({
        // biome-ignore lint/suspicious/noThenProperty: what a library may return
        then: (resolve: (value: string) => void, reject: (error: Error) => void) => {
          resolve('done')
          resolve('again')
          reject(new Error('no'))
          throw new Error('no')
        },
      }) as unknown as string,
  )
  await settled()
  expect(connection.packets).toEqual(COMPLETE)
  expect(owner.slots).toBe(1)
})

test('of several final packets the first leaves, and the slot is kept until the handler is done', async () => {
  let finish: () => void = () => {}
  const sent: boolean[] = []
  const { connection, owner, ends } = start(async (job) => {
    await job.sendStatus(1, 2)
    await job.sendData('part')
    sent.push(await job.sendComplete('done'))
    sent.push(await job.sendFail(), await job.sendException('no'), await job.sendComplete('no'))
    sent.push(await job.sendData('no'), await job.sendStatus(2, 2), await job.sendWarning('no'))
    await new Promise<void>((resolve) => {
      finish = resolve
    })
    // Of no codec: it does not matter any more.
    return () => {}
  })
  await settled()
  await settled()
  const packets = ['WORK_STATUS H:1 1 2', 'WORK_DATA H:1 part', ...COMPLETE]
  expect(connection.packets).toEqual(packets)
  expect(sent).toEqual([true, false, false, false, false, false, false])
  expect(owner.slots).toBe(0)
  expect(ends).toMatchObject([{ outcome: 'complete' }])
  finish()
  await settled()
  expect(connection.packets).toEqual(packets)
  expect(owner.slots).toBe(1)
  expect(ends).toHaveLength(1)
})

test('what a handler throws after its own final packet is no second one', async () => {
  const { connection, owner } = start((job) => {
    void job.sendComplete('done')
    throw new Error('too late')
  })
  await settled()
  expect(connection.packets).toEqual(COMPLETE)
  expect(owner.slots).toBe(1)
})

test('an invalid argument that nobody awaits is told, and does not end the job', async () => {
  const { connection, owner } = start((job) => {
    void job.sendStatus(1.5, 2)
    return 'done'
  })
  await settled()
  expect(owner.told).toMatchObject([
    { handle: 'a:4730//H:1', function: 'title', error: { name: 'InvalidArgumentError' } },
  ])
  expect(connection.packets).toEqual(COMPLETE)
})

test('where nobody listens no end is made, and it is counted all the same', async () => {
  const { ends, owner } = start(() => 'done', { watched: false })
  expect(ends).toEqual([])
  expect(owner.meter.snapshot([]).functions['title']?.outcomes).toEqual({ complete: 1 })
})
