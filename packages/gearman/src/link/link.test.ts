import { Connection, Fault, type Output, parseServer, Traffic } from '@glammp/wire'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { encode, LAYOUTS, PacketType } from '../protocol/packet.js'
import { FakeServer, response, settled } from './fake-connection.js'
import { Heartbeat } from './heartbeat.js'
import { Link, type LinkOwner } from './link.js'

let gearmand: FakeServer

beforeEach(() => {
  gearmand = new FakeServer()
  vi.spyOn(Connection, 'open').mockImplementation(gearmand.open)
})
afterEach(() => {
  vi.restoreAllMocks()
})

class Owner implements LinkOwner {
  readonly packets: string[] = []
  readonly reasons: Fault[] = []
  onPacket: () => void = () => {}
  onLost: () => void = () => {}

  greet(output: Output): void {
    encode(output, PacketType.OPTION_REQ, 'exceptions')
  }
  packet(type: PacketType, args: readonly string[], data: Buffer): void {
    this.packets.push([LAYOUTS[type]?.name, ...args, data].join(' '))
    this.onPacket()
  }
  lost(reason: Fault): void {
    this.reasons.push(reason)
    this.onLost()
  }
}

function link(owner: LinkOwner = new Owner()): Link {
  const address = parseServer('a', { defaultPort: 4730, schemes: {} })
  return new Link({ address, connectTimeout: 100, tls: undefined, traffic: new Traffic() }, owner)
}

const CLOSED = new Fault('closed', 'done')

test('callers of one moment share a connection, which begins with the greeting', async () => {
  const made = link()
  expect(made.connection).toBeUndefined()
  const opened = await Promise.all([made.open(), made.open()])
  expect(await made.open()).toBe(opened[0])
  expect(opened[1]).toBe(opened[0])
  expect(made.connection).toBe(opened[0])
  const connection = await gearmand.connection()
  expect(gearmand.attempts).toBe(1)
  expect(connection.packets).toEqual(['OPTION_REQ exceptions'])
})

test('packets come in order, however their bytes are cut', async () => {
  const owner = new Owner()
  const made = link(owner)
  await made.open()
  const connection = await gearmand.connection()
  const bytes = Buffer.concat([
    response('JOB_CREATED', 'H:a:1'),
    response('WORK_DATA', 'H:a:1', 'one\0two'),
    response('NOOP'),
  ])
  const expected = ['JOB_CREATED H:a:1 ', 'WORK_DATA H:a:1 one\0two', 'NOOP ']
  connection.receiveBytes(bytes)
  expect(owner.packets.splice(0)).toEqual(expected)
  for (const byte of bytes) connection.receiveBytes(Buffer.of(byte))
  expect(owner.packets).toEqual(expected)
})

test('what came in is counted, and a packet that has only begun is told', async () => {
  const made = link()
  await made.open()
  const connection = await gearmand.connection()
  const bytes = response('WORK_DATA', 'H:a:1', 'x'.repeat(50))
  const { heard } = made
  expect(made.receiving).toBe(false)
  connection.receiveBytes(bytes.subarray(0, 30))
  expect(made.receiving).toBe(true)
  expect(made.heard).toBeGreaterThan(heard)
  connection.receiveBytes(bytes.subarray(30))
  expect(made.receiving).toBe(false)
})

test('a lost connection is told once, and the next one begins anew', async () => {
  const owner = new Owner()
  const made = link(owner)
  await made.open()
  const first = await gearmand.connection()
  first.receiveBytes(response('JOB_CREATED', 'H:a:1').subarray(0, 15))
  first.lose()
  expect(owner.reasons.map(({ kind }) => kind)).toEqual(['lost'])
  expect(made.connection).toBeUndefined()
  expect(made.receiving).toBe(false)
  await made.open()
  const second = await gearmand.connection(1)
  expect(second.packets).toEqual(['OPTION_REQ exceptions'])
  // Half a packet of the first connection is no beginning of one here.
  second.receive('JOB_CREATED', 'H:a:2')
  expect(owner.packets).toEqual(['JOB_CREATED H:a:2 '])
  made.close(CLOSED)
  expect(owner.reasons.at(-1)).toBe(CLOSED)
  expect(owner.reasons).toHaveLength(2)
})

test('where no connection comes about the fault is thrown, and it is tried anew', async () => {
  const owner = new Owner()
  const made = link(owner)
  gearmand.refuses = new Fault('connect', 'no connection: refused')
  await expect(made.open()).rejects.toBe(gearmand.refuses)
  expect(owner.reasons).toEqual([])
  gearmand.refuses = undefined
  await made.open()
  expect(gearmand.attempts).toBe(2)
  expect(made.connection).toBeDefined()
})

test('bytes that are not a packet, or a packet that the owner does not take, close it as garbled', async () => {
  const owner = new Owner()
  const made = link(owner)
  await made.open()
  const first = await gearmand.connection()
  first.receiveBytes(Buffer.from('HTTP/1.1 400 Bad Request'))
  expect(owner.reasons[0]).toMatchObject({ kind: 'garbled' })
  await made.open()
  const second = await gearmand.connection(1)
  owner.onPacket = () => {
    throw new Error('not for me')
  }
  second.receive('NOOP')
  expect(owner.reasons[1]).toMatchObject({ kind: 'garbled', message: 'not for me' })
  expect(second.reason).toBe(owner.reasons[1])
})

test('no packet is told once the owner has closed the connection', async () => {
  const owner = new Owner()
  const made = link(owner)
  await made.open()
  const connection = await gearmand.connection()
  owner.onPacket = () => made.close(CLOSED)
  connection.receiveBytes(Buffer.concat([response('NOOP'), response('NO_JOB')]))
  expect(owner.packets).toEqual(['NOOP '])
  expect(owner.reasons).toEqual([CLOSED])
})

test('closed while it connects, there is no connection and nothing to tell', async () => {
  const owner = new Owner()
  const made = link(owner)
  const opening = made.open()
  made.close(CLOSED)
  await expect(opening).rejects.toBe(CLOSED)
  expect(gearmand.connections[0]?.reason).toBe(CLOSED)
  expect(made.connection).toBeUndefined()
  expect(owner.reasons).toEqual([])
  await made.open()
  expect(made.connection).toBeDefined()
})

test('a connection that is lost before its opener knows of it is not a connection', async () => {
  const owner = new Owner()
  const made = link(owner)
  gearmand.onOpen = (connection) => connection.lose()
  await expect(made.open()).rejects.toMatchObject({ kind: 'lost' })
  expect(made.connection).toBeUndefined()
  gearmand.onOpen = undefined
  await made.open()
  expect(gearmand.attempts).toBe(2)
})

test('an ended connection sends what it was still to send, a closed one does not', async () => {
  for (const [way, expected] of [
    ['end', ['OPTION_REQ exceptions', 'ECHO_REQ last']],
    ['close', ['OPTION_REQ exceptions']],
  ] as const) {
    const owner = new Owner()
    const made = link(owner)
    await made.open()
    const connection = await gearmand.latest()
    encode((await made.open()).output, PacketType.ECHO_REQ, '', 'last')
    made[way](CLOSED)
    await settled()
    expect(connection.packets).toEqual(expected)
    expect(owner.reasons).toEqual([CLOSED])
  }
})

test('a held connection is not read, a released one has been heard, and the next is not held', async () => {
  const made = link()
  await made.open()
  const first = await gearmand.connection()
  made.hold()
  expect([made.held, first.paused]).toEqual([true, true])
  const { heard } = made
  made.release()
  expect([made.held, first.paused]).toEqual([false, false])
  expect(made.heard).toBeGreaterThan(heard)
  made.hold()
  first.lose()
  expect(made.held).toBe(false)
  await made.open()
  expect((await gearmand.connection(1)).paused).toBe(false)
})

/** A heartbeat every few milliseconds on an open link. */
async function beating(answer: 'all' | 'nothing' | number) {
  const owner = new Owner()
  const made = link(owner)
  await made.open()
  const connection = await gearmand.latest()
  let asked = 0
  let tell: () => void = () => {}
  const enough = new Promise<void>((resolve) => {
    tell = resolve
  })
  const times = { interval: 2, timeout: 2, arrived: () => connection.left }
  const heartbeat = new Heartbeat(made, times, () => {
    asked += 1
    if (answer === 'nothing') return
    if (answer === 'all' || asked < answer) {
      setImmediate(() => connection.receive('ECHO_RES', 'ping'))
    }
    if (asked === 5) tell()
  })
  const lost = new Promise<Fault>((resolve) => {
    owner.onLost = () => {
      heartbeat.stop()
      resolve(owner.reasons.at(-1) as Fault)
    }
  })
  return { made, owner, connection, heartbeat, lost, enough, asked: () => asked }
}

test('a peer that is silent is asked, and dropped where it does not answer', async () => {
  const { heartbeat, lost, asked, owner } = await beating(3)
  heartbeat.start()
  expect(await lost).toMatchObject({ kind: 'timeout' })
  expect(asked()).toBe(3)
  expect(owner.reasons).toHaveLength(1)
})

test('a peer that answers is asked again and again, and kept', async () => {
  const { heartbeat, enough, owner } = await beating('all')
  heartbeat.start()
  await enough
  heartbeat.stop()
  expect(owner.reasons).toEqual([])
})

test.each(['the connection is held', 'packets come'])('nobody is asked while %s', async (what) => {
  const { made, connection, heartbeat, lost, asked } = await beating('nothing')
  if (what === 'the connection is held') made.hold()
  let looks = 0
  let early = 0
  vi.spyOn(connection, 'left', 'get').mockImplementation(() => {
    looks += 1
    if (looks >= 5) {
      made.release()
    } else {
      early = asked()
      if (!made.held) connection.receive('NOOP')
    }
    return 0
  })
  heartbeat.start()
  expect(await lost).toMatchObject({ kind: 'timeout' })
  expect([early, asked()]).toEqual([0, 1])
  expect(looks).toBeGreaterThanOrEqual(5)
})

test('nobody is asked, or dropped, while bytes leave', async () => {
  const { connection, heartbeat, lost, asked } = await beating('nothing')
  let looks = 0
  let early = 0
  let end = 20
  vi.spyOn(connection.output, 'appended', 'get').mockReturnValue(1_000)
  vi.spyOn(connection, 'left', 'get').mockImplementation(() => {
    looks += 1
    if (looks < end) early = asked()
    return Math.min(looks, end)
  })
  heartbeat.start()
  expect(await lost).toMatchObject({ kind: 'timeout' })
  expect([early, asked()]).toEqual([0, 1])

  // An answer is due, and the bytes of the question still leave.
  const slow = await beating('nothing')
  end = looks + 10
  vi.spyOn(slow.connection, 'left', 'get').mockImplementation(() => {
    looks += 1
    return Math.min(looks, end)
  })
  vi.spyOn(slow.connection.output, 'appended', 'get').mockReturnValue(1_000)
  slow.heartbeat.expect(() => true)
  await slow.lost
  expect(looks).toBeGreaterThanOrEqual(end)
})

test('an answer that is due and does not come drops the connection; one that came does not', async () => {
  const { heartbeat, lost, owner, made } = await beating('nothing')
  const judged = new Promise<void>((resolve) => {
    heartbeat.expect(() => {
      resolve()
      return false
    })
  })
  await judged
  expect(owner.reasons).toEqual([])
  expect(made.connection).toBeDefined()
  heartbeat.expect(() => true)
  expect(await lost).toMatchObject({ kind: 'timeout' })
})
