import { Fault } from '@glammp/wire'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Request } from '../requests/request.js'
import { deletionOf, getOf, setOf } from '../requests/test-requests.js'
import { batchOf, settled } from './batch-fixture.js'
import type { FakeConnection } from './connection/fake-connection.js'

// Time stands still, so that no connection is silent for long.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** The first connection takes no more, as if its kernel did not. */
async function withBusyConnection(...requests: Request[]) {
  const all = batchOf()
  all.push(...requests)
  await settled()
  const [first] = all.network.connections as [FakeConnection]
  first.congested = true
  return { ...all, first }
}

test('what one tick asks for leaves in one write, with what its promises ask for', async () => {
  const { network, push } = batchOf()
  push(getOf('a'), deletionOf('b'))
  queueMicrotask(() => push(getOf('c')))
  await settled()
  expect(network.writes).toEqual(['get a\r\ndelete b\r\nget c\r\n'])
})

test('the next batch leaves behind the one in flight, on the same connection', async () => {
  const { network, push } = batchOf()
  push(getOf('a'))
  await settled()
  push(getOf('b'), getOf('c'))
  await settled()
  expect(network.connections).toHaveLength(1)
  expect(network.writes).toEqual(['get a\r\n', 'get b\r\nget c\r\n'])
})

test('another connection is taken where that one takes no more', async () => {
  const { first, network, push } = await withBusyConnection(getOf('a'))
  push(getOf('b'))
  await settled()
  expect(network.connections).toHaveLength(2)
  expect(first.writes).toEqual(['get a\r\n'])
  expect(network.connections[1]?.writes).toEqual(['get b\r\n'])
})

test('another connection is taken where that one is silent, once the sockets were read', async () => {
  const { network, push } = batchOf()
  push(getOf('a'), getOf('b'))
  await settled()
  const [first] = network.connections as [FakeConnection]
  vi.advanceTimersByTime(1_000)
  push(getOf('c'))
  // Its answer was there all the time: the process was busy.
  setImmediate(() => first.receive('END\r\n'))
  await settled()
  expect(network.writes).toEqual(['get a\r\nget b\r\n', 'get c\r\n'])
  expect(network.connections).toHaveLength(1)
  vi.advanceTimersByTime(1_000)
  push(getOf('d'))
  await settled()
  expect(network.connections.map(({ writes }) => writes.at(-1))).toEqual(['get c\r\n', 'get d\r\n'])
})

test('while there is none the next batch fills', async () => {
  const { first, network, push } = await withBusyConnection(getOf('a'))
  push(getOf('b'))
  await settled()
  const second = network.connections[1] as FakeConnection
  second.congested = true
  push(getOf('c'))
  await settled()
  push(getOf('d'))
  await settled()
  expect(network.connections).toHaveLength(2)
  second.congested = false
  second.receive('END\r\n')
  await settled()
  expect(second.writes).toEqual(['get b\r\n', 'get c\r\nget d\r\n'])
  first.receive('END\r\n')
})

test('a connection comes back when nothing is in flight on it', async () => {
  const { network, push, told } = batchOf(1)
  for (const key of ['a', 'b', 'c']) {
    push(getOf(key))
    await settled()
    network.connections[0]?.receive('END\r\n')
    await settled()
  }
  expect(network.connections).toHaveLength(1)
  expect(told).toEqual(['answered a', 'answered b', 'answered c'])
})

test('what nobody waits for any more is not sent', async () => {
  const { network, push, told } = batchOf(1)
  const [given] = push(getOf('a'), getOf('b'))
  given?.fail(new Error('aborted'))
  await settled()
  expect(told).toEqual(['dropped a'])
  expect(network.writes).toEqual(['get b\r\n'])
  network.connections[0]?.receive('END\r\n')
  // Where nothing is left of a batch the connection is free for the next one.
  const [only] = push(getOf('c'))
  only?.fail(new Error('aborted'))
  await settled()
  push(getOf('d'))
  await settled()
  expect(network.writes.slice(1)).toEqual(['get d\r\n'])
})

test('where no connection comes about each of the batch hears why', async () => {
  const { network, push, told } = batchOf()
  network.refusal = new Fault('connect', 'refused')
  const requests = push(getOf('a'), deletionOf('b'))
  await settled()
  expect(told).toEqual(['unsent a', 'unsent b'])
  await expect(requests[0]?.promise).rejects.toBe(network.refusal)
  network.refusal = undefined
  push(getOf('c'))
  await settled()
  expect(network.writes).toEqual(['get c\r\n'])
})

test('no request overtakes another of its key on a second connection', async () => {
  const { first, network, push } = await withBusyConnection(setOf('a', 'x'), getOf('b'))
  push(getOf('a'), getOf('b'), deletionOf('b'), getOf('c'), getOf('b'))
  await settled()
  const second = network.connections[1] as FakeConnection
  // Reads may go in any order; what changes a key waits for its reads, and later reads for that.
  expect(second.writes).toEqual(['get b\r\nget c\r\n'])
  first.receive('STORED\r\n')
  await settled()
  expect(second.writes.slice(1)).toEqual(['get a\r\n'])
  first.receive('END\r\n')
  await settled()
  expect(second.writes.slice(2)).toEqual(['delete b\r\nget b\r\n'])
})

test('what was held back leaves when the one before it is lost', async () => {
  const { first, network, push, told } = await withBusyConnection(setOf('a', 'x'))
  push(getOf('a'), getOf('b'))
  await settled()
  const second = network.connections[1] as FakeConnection
  expect(second.writes).toEqual(['get b\r\n'])
  first.close(new Fault('lost', 'gone'))
  await settled()
  expect(told).toEqual(['lost a'])
  expect(second.writes.slice(1)).toEqual(['get a\r\n'])
})

test('what was lost leaves before all that has not left yet', async () => {
  const { batch, network, push } = batchOf(1)
  push(deletionOf('c'))
  batch.repeat(getOf('a'))
  batch.repeat(getOf('b'))
  await settled()
  expect(network.writes).toEqual(['get a\r\nget b\r\ndelete c\r\n'])
})

test('changes wait for a connection that was given up until the server has closed it', async () => {
  const { network, push } = batchOf()
  const [change] = push(setOf('a', 'x'))
  await settled()
  const [first] = network.connections as [FakeConnection]
  // All are out of time, and the server that hangs may carry the change out later.
  change?.course.expire()
  expect(first.ended).toBe(60_000)
  push(setOf('a', 'y'), getOf('a'), setOf('b', 'z'))
  await settled()
  const second = network.connections[1] as FakeConnection
  expect(second.writes).toEqual(['set b 0 0 1\r\nz\r\n'])
  first.gone()
  await settled()
  expect(second.writes.slice(1)).toEqual(['set a 0 0 1\r\ny\r\nget a\r\n'])
})

test('closing waits for none that was given up', async () => {
  const { batch, network, push } = batchOf()
  const [change] = push(setOf('a', 'x'))
  await settled()
  change?.course.expire()
  let drops = 0
  batch.abandoned([setOf('b', 'x')], () => () => {
    drops += 1
  })
  batch.close()
  expect(drops).toBe(1)
  expect(network.connections[0]?.ended).toBe(60_000)
})

test('a connection is opened ahead once, and not while something is on its way', async () => {
  const { batch, network, push } = batchOf()
  batch.warm()
  batch.warm()
  await settled()
  expect(network.connections).toHaveLength(1)
  push(getOf('a'))
  batch.warm()
  await settled()
  expect(network.connections).toHaveLength(1)
  expect(network.writes).toEqual(['get a\r\n'])
})

test('of whatever is asked, on however many connections, each key is served in order', async () => {
  const asked = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    change: fc.boolean(),
    /** Lets pass a turn, before which some connection answers, or takes no more. */
    turn: fc.constantFrom('none', 'none', 'send', 'answer 0', 'answer 1', 'busy'),
  })
  const property = fc.asyncProperty(fc.array(asked, { maxLength: 30 }), async (calls) => {
    const { network, push } = batchOf(3)
    // What each server thread would see: a command takes effect when it is answered.
    const done: string[] = []
    const waiting = new Map<FakeConnection, string[]>()
    network.answer = (line, connection) => {
      const queue = waiting.get(connection) ?? []
      queue.push(line)
      waiting.set(connection, queue)
      return undefined
    }
    const answer = (connection: FakeConnection | undefined): void => {
      const line = connection && waiting.get(connection)?.shift()
      if (connection === undefined || line === undefined) return
      done.push(line)
      connection.receive(line.startsWith('get') ? 'END\r\n' : 'DELETED\r\n')
    }
    for (const { key, change, turn } of calls) {
      push(change ? deletionOf(key) : getOf(key))
      if (turn === 'none') continue
      await settled()
      const { connections } = network
      const last = connections.at(-1)
      if (turn === 'answer 0') answer(connections[0])
      if (turn === 'answer 1') answer(connections[1])
      if (turn === 'busy' && last !== undefined) last.congested = true
    }
    for (let round = 0; done.length < calls.length && round < 200; round += 1) {
      await settled()
      // The youngest first: whatever can pass another does.
      for (const connection of [...network.connections].reverse()) answer(connection)
    }
    for (const key of ['a', 'b', 'c']) {
      // Reads between two changes may go in any order: they are counted.
      const order = (words: string[]): string =>
        words.map((word) => (word.startsWith('get') ? 'r' : 'C')).join('')
      const wanted = calls.filter((call) => call.key === key)
      const seen = done.filter((line) => line.endsWith(` ${key}`))
      expect(order(seen)).toBe(wanted.map(({ change }) => (change ? 'C' : 'r')).join(''))
    }
  })
  await fc.assert(property, { numRuns: 60 })
})
