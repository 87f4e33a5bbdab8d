import { Deadlines, Fault, parseServer } from '@glammp/wire'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ClosedError, ConnectionError, QueueFullError, TimeoutError } from '../errors.js'
import type { Request } from '../requests/request.js'
import { deletionOf, getOf } from '../requests/test-requests.js'
import { FakeNetwork } from './connection/fake-connection.js'
import { Server, type ServerOptions } from './server.js'

const address = parseServer('localhost', { defaultPort: 11_211, schemes: {} })

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A server with its connections, and what the room above was told. */
function serverOf(options: Partial<ServerOptions> = {}) {
  const network = new FakeNetwork()
  const told: string[] = []
  const all: ServerOptions = {
    protocol: 'classic',
    connectTimeout: 100,
    tls: undefined,
    auth: undefined,
    connect: network.connect,
    pool: { min: 0, max: 1 },
    maxPending: 100,
    retries: 1,
    ejection: undefined,
    ...options,
  }
  const server = new Server(address, all, new Deadlines(), {
    tell: (event) => told.push(event),
    unreachable: () => false,
  })
  const submit = <T>(request: Request<T>, signal?: AbortSignal): Promise<T> => {
    request.promise.catch(() => {})
    return server.submit(request, 1_000, signal)
  }
  return { network, server, submit, told }
}

/** Lets everything happen that takes no time. */
const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1)

test('no more than maxPending calls wait, and a place is free with each answer', async () => {
  const { network, server, submit } = serverOf({ maxPending: 2 })
  const first = submit(getOf('a'))
  void submit(getOf('b'))
  await expect(submit(getOf('c'))).rejects.toThrow(QueueFullError)
  expect(server.pending).toBe(2)
  await settled()
  network.connections[0]?.receive('END\r\n')
  expect(await first).toBeUndefined()
  expect(server.pending).toBe(1)
  void submit(getOf('d'))
  expect(server.pending).toBe(2)
})

test('those of lists wait in a line where the server has enough to do', async () => {
  const { network, server, submit } = serverOf({ maxPending: 4 })
  const requests = ['a', 'b', 'c', 'd', 'e'].map((key) => {
    const request = getOf(key)
    request.course.patient = true
    return request
  })
  const answers = requests.map((request) => submit(request))
  expect(server.pending).toBe(5)
  await settled()
  // Three quarters: what is left is for single calls.
  expect(network.writes).toEqual(['get a\r\nget b\r\nget c\r\n'])
  network.connections[0]?.receive('END\r\n')
  await settled()
  expect(network.writes.slice(1)).toEqual(['get d\r\n'])
  network.connections[0]?.receive('END\r\nEND\r\nEND\r\n')
  await settled()
  network.connections[0]?.receive('END\r\n')
  await Promise.all(answers)
  expect(server.pending).toBe(0)
})

test('a call is over in time, and never early, on a connection or without one', async () => {
  for (const hangs of ['server', 'network']) {
    const { server, submit } = serverOf(
      hangs === 'network' ? { connect: () => new Promise(() => {}) } : {},
    )
    const request = getOf('a')
    void submit(request)
    await vi.advanceTimersByTimeAsync(999)
    expect(request.course.settled).toBe(false)
    await vi.advanceTimersByTimeAsync(40)
    await expect(request.promise).rejects.toThrow(TimeoutError)
    expect(server.pending).toBe(0)
  }
})

test('a lost read is sent again so often, a lost change never', async () => {
  const { network, submit } = serverOf({ retries: 2 })
  const read = submit(getOf('a'))
  const change = submit(deletionOf('b'))
  for (let round = 0; round < 3; round += 1) {
    await settled()
    network.connections[round]?.close(new Fault('lost', 'gone'))
  }
  await expect(change).rejects.toThrow(ConnectionError)
  await expect(read).rejects.toThrow(ConnectionError)
  expect(network.writes).toEqual(['get a\r\ndelete b\r\n', 'get a\r\n', 'get a\r\n'])
})

test('a read whose bytes were garbled, or whose caller gave up, is not sent again', async () => {
  const { network, submit } = serverOf()
  const garbled = submit(getOf('a'))
  await settled()
  network.connections[0]?.receive('STORED\r\n')
  await expect(garbled).rejects.toThrow('another command')
  const controller = new AbortController()
  const aborted = submit(getOf('b'), controller.signal)
  await settled()
  controller.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  network.connections[1]?.close(new Fault('lost', 'gone'))
  await settled()
  expect(network.writes).toEqual(['get a\r\n', 'get b\r\n'])
})

test('where no connection comes about calls fail at once until the server has rested', async () => {
  const { network, submit, told } = serverOf()
  network.refusal = new Fault('connect', 'refused')
  await expect(submit(getOf('a'))).rejects.toThrow(ConnectionError)
  expect(told).toEqual(['server:down', 'server:reconnecting'])
  await vi.advanceTimersByTimeAsync(100)
  network.refusal = undefined
  const back = submit(getOf('b'))
  await settled()
  network.connections[0]?.receive('END\r\n')
  expect(await back).toBeUndefined()
  expect(told.slice(2)).toEqual(['server:up'])
})

test('a server that fails is left out, and back when it has answered a probe', async () => {
  const { network, server, submit, told } = serverOf({
    retries: 0,
    ejection: { failures: 2, cooldown: 1_000 },
  })
  for (let failure = 0; failure < 2; failure += 1) {
    const call = submit(getOf('a'))
    await settled()
    network.connections[failure]?.close(new Fault('lost', 'gone'))
    await expect(call).rejects.toThrow(ConnectionError)
  }
  expect(told).toEqual(['server:ejected'])
  await expect(submit(getOf('b'))).rejects.toThrow(ConnectionError)
  expect(network.connections).toHaveLength(2)
  network.answer = (line) => (line === 'version' ? 'VERSION 1.6.18\r\n' : 'END\r\n')
  await vi.advanceTimersByTimeAsync(1_300)
  expect(told).toEqual(['server:ejected', 'server:rejoined'])
  expect(server.reach.ejected).toBe(false)
  const back = submit(getOf('c'))
  await settled()
  expect(await back).toBeUndefined()
})

test('closing waits for what is under way, and takes nothing more', async () => {
  const { network, server, submit } = serverOf()
  const call = submit(getOf('a'))
  await settled()
  let closed = false
  const closing = server.close().then(() => {
    closed = true
  })
  await expect(submit(getOf('b'))).rejects.toThrow(ClosedError)
  await vi.advanceTimersByTimeAsync(500)
  expect(closed).toBe(false)
  network.connections[0]?.receive('END\r\n')
  expect(await call).toBeUndefined()
  await settled()
  await closing
  expect(network.connections[0]?.reason?.kind).toBe('closed')
})

test('dropped while it connects it gives that up, opens no more and tells nothing', async () => {
  let tries = 0
  const { server, submit, told } = serverOf({
    connect: ({ signal }) => {
      tries += 1
      return new Promise((_, reject) => {
        // As if it were refused just then.
        signal?.addEventListener('abort', () => reject(new Fault('connect', 'refused')))
      })
    },
  })
  const call = submit(getOf('a'))
  await settled()
  server.drop(new Fault('closed', 'time is up'))
  await expect(call).rejects.toThrow(ClosedError)
  await settled()
  await server.close()
  expect(tries).toBe(1)
  expect(told).toEqual([])
})

test('dropped while it connects it closes a connection that comes about all the same', async () => {
  const late = new FakeNetwork()
  const { server, submit, told } = serverOf({
    protocol: 'auto',
    connect: async (options, owner) => {
      await new Promise((resolve) => setTimeout(resolve, 10))
      return late.connect(options, owner)
    },
  })
  const call = submit(getOf('a'))
  await settled()
  server.drop(new Fault('closed', 'time is up'))
  await expect(call).rejects.toThrow(ClosedError)
  await vi.advanceTimersByTimeAsync(20)
  await server.close()
  expect(late.connections.map(({ reason }) => reason?.kind)).toEqual(['closed'])
  expect(late.writes).toEqual([])
  expect(told).toEqual([])
})

test('dropped before the server has said what it is, it closes the connection', async () => {
  const { network, server, submit, told } = serverOf({ protocol: 'auto' })
  const call = submit(getOf('a'))
  await settled()
  expect(network.writes).toHaveLength(1)
  server.drop(new Fault('closed', 'time is up'))
  await expect(call).rejects.toThrow('time is up')
  await settled()
  await server.close()
  expect(network.connections.map(({ reason }) => reason?.kind)).toEqual(['closed'])
  await vi.advanceTimersByTimeAsync(500)
  expect(told).toEqual([])
})

test('what was asked for just before it closes is still sent', async () => {
  const { network, server, submit } = serverOf()
  const call = submit(getOf('a'))
  const closing = server.close()
  await settled()
  network.connections[0]?.receive('END\r\n')
  expect(await call).toBeUndefined()
  await settled()
  await closing
})
