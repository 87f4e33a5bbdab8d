import { Fault } from '@glammp/wire'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LineRequest } from '../../requests/line-request.js'
import { getOf, setOf } from '../../requests/test-requests.js'
import { batchOf, settled } from '../batch-fixture.js'
import type { FakeConnection } from '../connection/fake-connection.js'

// Time stands still, so that no connection is silent for long.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const statsOf = (): LineRequest => new LineRequest('stats', 'stats')
const flush = (): LineRequest => new LineRequest('flushAll', 'flush_all')

/** What each connection carried. */
const writesOf = (connections: readonly FakeConnection[]): string[] =>
  connections.map(({ writes }) => writes.join(''))

test('a command that the server may not know has a connection of its own, which ends', async () => {
  const { network, push, told } = batchOf()
  push(getOf('a'), statsOf(), getOf('b'))
  await settled()
  const [shared, own] = network.connections as [FakeConnection, FakeConnection]
  expect(writesOf(network.connections)).toEqual(['get a\r\nget b\r\n', 'stats\r\n'])
  shared.receive('END\r\nEND\r\n')
  own.receive('END\r\n')
  await settled()
  expect(own.reason?.kind).toBe('closed')
  expect(shared.reason).toBeUndefined()
  expect(told).toEqual(['answered a', 'answered b', 'answered undefined'])
})

test('once it was answered, the next goes with all others', async () => {
  const { network, push } = batchOf()
  push(statsOf())
  await settled()
  network.connections[1]?.receive('END\r\n')
  await settled()
  push(statsOf(), getOf('a'))
  await settled()
  expect(network.connections).toHaveLength(2)
  expect(network.connections[0]?.writes).toEqual(['stats\r\nget a\r\n'])
})

test('its end is the end of nobody else, and the next of them has a new one', async () => {
  const { network, push } = batchOf()
  const [first, second] = push(statsOf(), flush()) as [LineRequest, LineRequest]
  await settled()
  expect(writesOf(network.connections)).toEqual(['', 'stats\r\n'])
  network.connections[1]?.close(new Fault('lost', 'closed'))
  await expect(first.promise).rejects.toMatchObject({ kind: 'lost' })
  await settled()
  expect(writesOf(network.connections)).toEqual(['', 'stats\r\n', 'flush_all\r\n'])
  network.connections[2]?.receive('OK\r\n')
  expect(await second.promise).toEqual([])
  expect(network.connections[0]?.reason).toBeUndefined()
})

test('a flush neither overtakes what was asked before it nor is overtaken', async () => {
  const { network, push } = batchOf()
  push(setOf('a', '1'), flush(), setOf('a', '2'), getOf('b'))
  await settled()
  const [shared, own] = network.connections as [FakeConnection, FakeConnection]
  expect(writesOf([shared, own])).toEqual(['set a 0 0 1\r\n1\r\n', ''])
  shared.receive('STORED\r\n')
  await settled()
  expect(own.writes).toEqual(['flush_all\r\n'])
  expect(shared.writes).toHaveLength(1)
  own.receive('OK\r\n')
  await settled()
  expect(shared.writes[1]).toBe('set a 0 0 1\r\n2\r\nget b\r\n')
})

test('without a connection for it only that request fails', async () => {
  const { network, push, told } = batchOf()
  push(getOf('a'))
  await settled()
  network.refusal = new Fault('connect', 'full')
  const [stats] = push(statsOf(), getOf('b')) as [LineRequest]
  await expect(stats.promise).rejects.toMatchObject({ message: 'full' })
  await settled()
  network.connections[0]?.receive('END\r\nEND\r\n')
  expect(told).toEqual(['unsent undefined', 'answered a', 'answered b'])
})

test('it is not kept for a request whose caller has given up', async () => {
  const { network, push } = batchOf()
  push(setOf('a', '1'))
  await settled()
  const [given] = push(flush()) as [LineRequest]
  await settled()
  given.fail(new Error('aborted'))
  network.connections[0]?.receive('STORED\r\n')
  await settled()
  expect(network.connections[1]?.writes).toEqual([])
  expect(network.connections[1]?.reason?.kind).toBe('closed')
})

test('what its connection lost before it could be sent goes on another', async () => {
  const { network, push } = batchOf()
  push(setOf('a', '1'))
  await settled()
  const [flushing] = push(flush()) as [LineRequest]
  await settled()
  const [shared, own] = network.connections as [FakeConnection, FakeConnection]
  own.close(new Fault('lost', 'reset'))
  shared.receive('STORED\r\n')
  await settled()
  expect(own.writes).toEqual([])
  network.connections[2]?.receive('OK\r\n')
  expect(await flushing.promise).toEqual([])
})

test('it ends with the batch, even if its request waits no more', async () => {
  const { batch, network, push } = batchOf()
  push(setOf('a', '1'), flush())
  await settled()
  batch.close()
  expect(network.connections[1]?.reason?.kind).toBe('closed')
})
