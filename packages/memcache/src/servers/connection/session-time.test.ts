import { Fault } from '@glammp/wire'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TimeoutError } from '../../errors.js'
import { deletionOf, getOf, setOf } from '../../requests/test-requests.js'
import { hit, opened } from './session-fixture.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('a reply that is late is dropped, and the next one goes to the next request', async () => {
  const { connection, listener, send, session } = await opened()
  const late = getOf('a')
  const next = getOf('b')
  send(late, next)
  late.course.expire()
  await expect(late.promise).rejects.toThrow(TimeoutError)
  expect(session.reason).toBeUndefined()
  // Who waits behind a server that may hang had better take another connection.
  expect(session.takesMore).toBe(false)
  connection.receive(hit('a', 'late') + hit('b', 'own'))
  expect(await next.promise).toBe('own')
  expect(session.takesMore).toBe(true)
  expect(listener.told).toEqual(['answered a', 'answered b', 'finished'])
})

test('when all of them are out of time and only read, the connection closes', async () => {
  const { connection, listener, send, session } = await opened()
  const requests = [getOf('a'), getOf('b')]
  send(...requests)
  requests[0]?.course.expire()
  expect(session.reason).toBeUndefined()
  requests[1]?.course.expire()
  expect(session.reason?.kind).toBe('timeout')
  expect(connection.ended).toBeUndefined()
  expect(listener.told).toEqual(['lost a', 'lost b', 'finished'])
})

test('where one of those changes something it ends in good order, and the room above hears when', async () => {
  const { connection, listener, send, session } = await opened()
  const requests = [getOf('a'), deletionOf('b'), setOf('c', 'x')]
  send(...requests)
  for (const request of requests) request.course.expire()
  expect(listener.told).toEqual(['abandoned b c', 'lost a', 'lost b', 'lost c', 'finished'])
  expect(session.reason?.kind).toBe('timeout')
  // The server may carry them out until it has closed the connection too.
  expect(connection.ended).toBe(60_000)
  connection.gone()
  expect(listener.told.at(-1)).toBe('gone')
})

test('a drip of bytes is silence', async () => {
  const { connection, send } = await opened()
  const request = getOf('a')
  request.course.allowance = 100
  send(request)
  connection.receive(`VALUE a 0 100000\r\n`)
  for (let turn = 0; turn < 10; turn += 1) {
    vi.advanceTimersByTime(10)
    connection.receive('x'.repeat(50))
  }
  request.course.expire()
  await expect(request.promise).rejects.toThrow(TimeoutError)
})

test('while bytes of a large value move, time goes on', async () => {
  const { connection, listener, send, session } = await opened()
  const request = getOf('a')
  request.course.allowance = 100
  send(request)
  connection.receive(`VALUE a 0 100000\r\n${'x'.repeat(1_000)}`)
  vi.advanceTimersByTime(60)
  request.course.expire()
  expect(listener.told).toEqual(['goesOn a 40'])
  expect(request.course.settled).toBe(false)
  vi.advanceTimersByTime(60)
  request.course.expire()
  await expect(request.promise).rejects.toThrow(TimeoutError)
  expect(session.reason?.kind).toBe('timeout')
})

test('it takes more while the kernel does and the replies under way are small', async () => {
  const { connection, send, session } = await opened()
  expect(session.takesMore).toBe(true)
  send(getOf('a'))
  expect(session.takesMore).toBe(true)
  connection.congested = true
  expect(session.takesMore).toBe(false)
  connection.congested = false
  // Replies of 100 KB each: what is due is more than a connection brings at once.
  connection.receive(hit('a', 'x'.repeat(400_000)))
  expect(session.takesMore).toBe(true)
  send(getOf('b'), getOf('c'))
  expect(session.takesMore).toBe(false)
  connection.receive('END\r\nEND\r\n')
  expect(session.takesMore).toBe(true)
  connection.close(new Fault('lost', 'gone'))
  expect(session.takesMore).toBe(false)
})

test('it is silent when nothing has come for a while', async () => {
  vi.advanceTimersByTime(1_000)
  const { connection, send, session } = await opened()
  expect(session.silent).toBe(false)
  send(getOf('a'), getOf('b'))
  expect(session.silent).toBe(false)
  vi.advanceTimersByTime(10)
  expect(session.silent).toBe(true)
  connection.receive('END\r\n')
  expect(session.silent).toBe(false)
  vi.advanceTimersByTime(10)
  connection.receive('END\r\n')
  vi.advanceTimersByTime(1_000)
  // It was idle, and what is sent now has time to be answered.
  send(getOf('c'))
  expect(session.silent).toBe(false)
})

test('what another connection must not overtake: of the same key, and one of the two changes it', async () => {
  const { connection, send, session } = await opened()
  const read = getOf('a')
  const change = deletionOf('b')
  send(read)
  expect(session.onlyReads).toBe(true)
  expect(session.blocker(getOf('a'))).toBeUndefined()
  expect(session.blocker(setOf('a', 'x'))).toBe(read)
  send(change)
  expect(session.onlyReads).toBe(false)
  expect(session.blocker(getOf('b'))).toBe(change)
  expect(session.blocker(deletionOf('c'))).toBeUndefined()
  connection.receive('END\r\nDELETED\r\n')
  expect(session.onlyReads).toBe(true)
  expect(session.blocker(setOf('a', 'x'))).toBeUndefined()
})

test('over TLS something follows a large value, and nobody hears of it', async () => {
  const { connection, listener, send, session } = await opened(true)
  const request = setOf('a', 'x'.repeat(10_000))
  send(request)
  expect(connection.writes).toHaveLength(1)
  expect(session.takesMore).toBe(false)
  connection.takes()
  expect(connection.writes[1]).toBe('version\r\n')
  connection.receive('STORED\r\n')
  expect(await request.promise).toBe(true)
  expect(listener.told).toEqual(['answered a'])
  connection.receive('VERSION 1.6.18\r\n')
  expect(listener.told).toEqual(['answered a', 'finished'])
  expect(session.takesMore).toBe(true)
  send(getOf('b'))
  connection.takes()
  expect(connection.writes).toHaveLength(3)
  connection.close(new Fault('lost', 'gone'))
  expect(listener.told.slice(2)).toEqual(['lost b', 'finished'])
  const other = await opened(true)
  other.send(setOf('c', 'x'.repeat(10_000)))
  other.connection.close(new Fault('lost', 'gone'))
  expect(other.listener.told).toEqual(['lost c', 'finished'])
  // Nothing is written on a connection that is gone.
  other.connection.takes()
  expect(other.connection.writes).toHaveLength(1)
})

test('while the kernel takes what was written, the time limit is twice as long', async () => {
  const { connection, send, session } = await opened()
  connection.congested = true
  connection.unsent = 1_000_000
  send(setOf('a', 'x'.repeat(1_000_000)))
  expect(session.restOf(100)).toBe(200)
  vi.advanceTimersByTime(150)
  expect(session.restOf(100)).toBe(50)
  connection.unsent = 500_000
  expect(session.restOf(100)).toBe(200)
  connection.close(new Fault('lost', 'gone'))
  expect(vi.getTimerCount()).toBe(0)
})

test('it ends in good order, or at once with a reason, and the server waits while it is paused', async () => {
  const first = await opened()
  first.session.pause()
  expect(first.connection.paused).toBe(true)
  first.session.resume()
  expect(first.connection.paused).toBe(false)
  first.session.end()
  expect(first.connection.ended).toBeDefined()
  expect(first.session.reason?.kind).toBe('closed')
  const { connection, listener, send, session } = await opened()
  send(getOf('a'))
  const reason = new Fault('garbled', 'out of step')
  session.close(reason)
  expect(session.reason).toBe(reason)
  expect(connection.ended).toBeUndefined()
  expect(listener.told).toEqual(['lost a', 'finished'])
})
