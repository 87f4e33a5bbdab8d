import { Fault, parseServer } from '@glammp/wire'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { ClientError, DecodeError, InvalidKeyError } from '../../errors.js'
import { binaryWireKey } from '../../key.js'
import { classicProtocol } from '../../protocol/classic/classic.js'
import type { Request } from '../../requests/request.js'
import { GetManyRequest, GetRequest } from '../../requests/retrieval.js'
import { deletionOf, getOf, setOf } from '../../requests/test-requests.js'
import { FakeNetwork } from './fake-connection.js'
import { Session } from './session.js'
import { hit, Listener, opened } from './session-fixture.js'

const address = parseServer('localhost', { defaultPort: 11_211, schemes: {} })

test('requests leave in one write, and replies go to them in order, however they come', async () => {
  const kind = fc.constantFrom('hit', 'miss', 'deleted', 'stored')
  const cuts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 })
  const property = fc.asyncProperty(
    fc.array(kind, { minLength: 1, maxLength: 40 }),
    cuts,
    async (kinds, lengths) => {
      const { connection, listener, send, session } = await opened()
      const requests: Request[] = []
      const expected: unknown[] = []
      let replies = ''
      for (const [position, word] of kinds.entries()) {
        const key = `k${position}`
        if (word === 'deleted' || word === 'stored') {
          requests.push(word === 'deleted' ? deletionOf(key) : setOf(key, 'x'))
          replies += word === 'deleted' ? 'DELETED\r\n' : 'STORED\r\n'
          expected.push(true)
        } else {
          requests.push(getOf(key))
          replies += word === 'hit' ? hit(key, `v${position}`) : 'END\r\n'
          expected.push(word === 'hit' ? `v${position}` : undefined)
        }
      }
      expect(send(...requests)).toBe(true)
      expect(connection.writes).toHaveLength(1)
      expect(session.idle).toBe(false)
      for (let at = 0, cut = 0; at < replies.length; cut += 1) {
        const length = lengths[cut % lengths.length] as number
        connection.receive(replies.slice(at, at + length))
        at += length
      }
      expect(await Promise.all(requests.map(({ promise }) => promise))).toEqual(expected)
      expect(listener.told).toEqual([...requests.map(({ key }) => `answered ${key}`), 'finished'])
      expect(session.idle).toBe(true)
      expect(session.reason).toBeUndefined()
    },
  )
  await fc.assert(property, { numRuns: 50 })
})

test('a reply too many closes it, and is nothing for who asks next', async () => {
  const { connection, listener, send, session } = await opened()
  const request = deletionOf('a')
  send(request)
  connection.receive('DELETED\r\nDELETED\r\n')
  expect(await request.promise).toBe(true)
  expect(session.reason?.kind).toBe('garbled')
  expect(listener.told).toEqual(['answered a', 'finished'])
})

test('an answer to another command loses all in flight as garbled', async () => {
  for (const bytes of ['STORED\r\n', '\0\0\0\r\n', 'VALUE other 0 1\r\nx\r\nEND\r\n']) {
    const { connection, listener, send, session } = await opened()
    send(getOf('a'), deletionOf('b'), getOf('c'))
    connection.receive(bytes)
    expect(listener.told).toEqual(['lost a', 'lost b', 'lost c', 'finished'])
    expect(listener.reasons.map(({ kind }) => kind)).toEqual(['garbled', 'garbled', 'garbled'])
    expect(session.reason).toBe(listener.reasons[0])
    expect(session.idle).toBe(true)
  }
})

test('with the connection goes what was not answered to its last reply', async () => {
  const { connection, listener, send } = await opened()
  send(getOf('a'), getOf('b'), getOf('c'))
  connection.receive(`${hit('a', 'x')}VALUE b 0 1\r\ny\r\n`)
  const reason = new Fault('lost', 'the server closed the connection')
  connection.close(reason)
  expect(listener.told).toEqual(['answered a', 'lost b', 'lost c', 'finished'])
  expect(listener.reasons).toEqual([reason, reason])
})

test('one that closes while nobody has it is nobody’s news', async () => {
  const { connection, listener, send, session } = await opened()
  send(deletionOf('a'))
  connection.receive('DELETED\r\n')
  listener.told.length = 0
  connection.close(new Fault('lost', 'idle for too long'))
  expect(listener.told).toEqual([])
  expect(session.reason?.kind).toBe('lost')
})

test('a caller who gave up gets nothing of the reply that still comes', async () => {
  const { connection, send } = await opened()
  const aborted = getOf('a')
  const accept = vi.spyOn(aborted, 'accept')
  const late = vi.spyOn(aborted, 'late')
  const next = getOf('b')
  send(aborted, next)
  aborted.fail(new Error('aborted'))
  connection.receive(hit('a', 'x') + hit('b', 'y'))
  expect(accept).not.toHaveBeenCalled()
  // An item and its END.
  expect(late).toHaveBeenCalledTimes(2)
  await expect(aborted.promise).rejects.toThrow('aborted')
  expect(await next.promise).toBe('y')
})

test('a value that was refused takes the connection with it: its bytes may run as commands', async () => {
  for (const refusal of ['ERROR', 'CLIENT_ERROR bad data chunk']) {
    const { connection, listener, send, session } = await opened()
    const request = setOf('a', 'flush_all')
    send(request, getOf('b'))
    connection.receive(`${refusal}\r\n`)
    await expect(request.promise).rejects.toThrow(ClientError)
    expect(session.reason?.kind).toBe('garbled')
    expect(listener.told).toEqual(['lost a', 'lost b', 'finished'])
  }
  const { connection, send, session } = await opened()
  const requests = [getOf('a'), deletionOf('b')]
  send(...requests)
  connection.receive('CLIENT_ERROR no\r\nDELETED\r\n')
  await expect(requests[0]?.promise).rejects.toThrow(ClientError)
  expect(await requests[1]?.promise).toBe(true)
  expect(session.reason).toBeUndefined()
})

test('a value that cannot be decoded fails its own request alone', async () => {
  const { connection, listener, send, session } = await opened()
  const values = {
    decode: () => {
      throw new DecodeError('no value')
    },
  }
  const broken = new GetRequest('get', 'a', 'a', values)
  const next = getOf('b')
  send(broken, next)
  connection.receive(hit('a', 'x') + hit('b', 'y'))
  await expect(broken.promise).rejects.toThrow(DecodeError)
  expect(await next.promise).toBe('y')
  expect(session.reason).toBeUndefined()
  expect(listener.told).toEqual(['answered a', 'answered b', 'finished'])
})

test('a key for which the protocol has no form is dropped, and the others leave', async () => {
  const { connection, listener, send, session } = await opened()
  const binary = binaryWireKey('\0')
  const alone = deletionOf(binary)
  expect(send(alone)).toBe(false)
  await expect(alone.promise).rejects.toThrow(InvalidKeyError)
  expect(listener.told).toEqual([`dropped ${binary}`])
  expect(connection.writes).toEqual([])
  expect(send(deletionOf(binary), getOf('b'))).toBe(true)
  expect(connection.writes).toEqual(['get b\r\n'])
  connection.receive('END\r\n')
  expect(session.idle).toBe(true)
  expect(listener.told.slice(1)).toEqual([`dropped ${binary}`, 'answered b', 'finished'])
})

test('who borrows it hears of its own requests, and once of their end', async () => {
  const { connection, listener, send, session } = await opened()
  send(getOf('a'))
  send(getOf('b'))
  connection.receive('END\r\n')
  expect(listener.told).toEqual(['answered a'])
  connection.receive('END\r\n')
  const second = new Listener()
  session.send([getOf('c')], second)
  connection.receive('END\r\n')
  expect(listener.told).toEqual(['answered a', 'answered b', 'finished'])
  expect(second.told).toEqual(['answered c', 'finished'])
  expect(second.sessions).toEqual([session])
})

test('a request of many keys is answered by the last of its replies', async () => {
  const { connection, listener, send } = await opened()
  const keys = Array.from({ length: 150 }, (_, position) => `k${position}`)
  const decode = (_flags: number, bytes: Buffer, start: number, end: number): string =>
    bytes.toString('latin1', start, end)
  const request = new GetManyRequest('getMany', keys, keys, { decode }, false)
  send(request, getOf('b'))
  connection.receive(hit('k3', 'x'))
  expect(listener.told).toEqual([])
  connection.receive(hit('k120', 'y') + hit('b', 'z'))
  const found = await request.promise
  expect(found.flatMap((item, at) => (item === undefined ? [] : [at, item.value]))).toEqual([
    3,
    'x',
    120,
    'y',
  ])
  expect(listener.told).toEqual(['answered undefined', 'answered b', 'finished'])
})

test('if no connection can be opened there is no session', async () => {
  const network = new FakeNetwork()
  network.refusal = new Fault('connect', 'refused')
  const opening = Session.open({ address, connectTimeout: 100 }, classicProtocol, network.connect)
  await expect(opening).rejects.toBe(network.refusal)
})
