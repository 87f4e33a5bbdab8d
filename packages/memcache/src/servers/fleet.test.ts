import { Fault } from '@glammp/wire'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ClosedError, ConnectionError, NoServerError, TimeoutError } from '../errors.js'
import { binaryWireKey } from '../key.js'
import { LineRequest } from '../requests/line-request.js'
import type { FleetOptions } from './fleet.js'
import { at, cluster, FleetFixture, settled } from './fleet-fixture.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const fleetOf = (options?: Partial<FleetOptions>): FleetFixture => new FleetFixture(options)
const version = (): LineRequest => new LineRequest('version', 'version')
const hostOf = ({ fleet }: FleetFixture, key: string): string => fleet.serverOf(key).address.host

describe('the server of a key', () => {
  test('is the one that the distribution picks by what follows the namespace', () => {
    const { fleet } = fleetOf({ namespaceLength: 3 })
    expect(fleet.homeOf('b::a1').address.name).toBe('a:11211')
    expect(fleet.homeOf('a::b1').address.name).toBe('b:11211')
    // Bytes that no line can hold: base64 on the wire, but they count as they are.
    expect(fleet.homeOf(binaryWireKey('a: b 1')).address.name).toBe('b:11211')
  })

  test('does not exist where there is none', async () => {
    const { fleet } = fleetOf()
    await fleet.setServers([])
    expect(() => fleet.homeOf('a')).toThrow(NoServerError)
    expect(() => fleet.serverOf('a')).toThrow(NoServerError)
  })

  test('is the one that stands in for it while it is ejected', async () => {
    const fixture = fleetOf({
      servers: at('a', 'b', 'c'),
      failover: { kind: 'next' },
      ejection: { failures: 1, cooldown: 1_000 },
    })
    const keys = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8']
    await fixture.fleet.connect()
    fixture.silent.add('a')
    const lost = fixture.set('a1')
    await settled()
    fixture.to('a')[0]?.close(new Fault('lost', 'gone'))
    await expect(lost).rejects.toThrow(ConnectionError)
    expect(fixture.told).toEqual(['server:ejected a:11211'])
    // Each of the others takes a share.
    expect(new Set(keys.map((key) => hostOf(fixture, key)))).toEqual(new Set(['b', 'c']))
    expect(fixture.fleet.homeOf('a1').address.host).toBe('a')
    expect(hostOf(fixture, 'b1')).toBe('b')
    fixture.silent.delete('a')
    await vi.advanceTimersByTimeAsync(1_300)
    expect(fixture.told.slice(1)).toEqual(['server:rejoined a:11211'])
    expect(new Set(keys.map((key) => hostOf(fixture, key)))).toEqual(new Set(['a']))
  })

  test('stays the same while it is ejected and nothing stands in', async () => {
    const fixture = fleetOf({ ejection: { failures: 1, cooldown: 1_000 } })
    fixture.down.add('a')
    await expect(fixture.set('a1')).rejects.toThrow(ConnectionError)
    expect(fixture.told).toContain('server:ejected a:11211')
    expect(hostOf(fixture, 'a1')).toBe('a')
    await expect(fixture.set('a1')).rejects.toThrow('nobody at a')
  })
})

describe('a server that is down', () => {
  test('is told once with the error, and once that it is back', async () => {
    const fixture = fleetOf()
    fixture.down.add('a')
    await expect(fixture.set('a1')).rejects.toThrow(ConnectionError)
    await vi.advanceTimersByTimeAsync(100)
    await expect(fixture.set('a1')).rejects.toThrow(ConnectionError)
    await vi.advanceTimersByTimeAsync(100)
    const downs = fixture.told.filter((event) => event.startsWith('server:down'))
    expect(downs).toEqual(['server:down a:11211'])
    expect(fixture.events[0]).toMatchObject({ error: expect.any(ConnectionError) })
    expect(fixture.events[0]).toMatchObject({ error: { server: 'a:11211' } })
    fixture.down.clear()
    expect(await fixture.set('a1')).toBe(true)
    expect(fixture.told.at(-1)).toBe('server:up a:11211')
  })

  test('has its calls taken by another one until it is back', async () => {
    const fixture = fleetOf({ failover: { kind: 'next' }, namespaceLength: 3 })
    fixture.down.add('a')
    expect(await fixture.set('ns:a1')).toBe(true)
    expect(await fixture.set('ns:a2')).toBe(true)
    expect(fixture.asked).toEqual(['b set ns:a1 0 0 1', 'b set ns:a2 0 0 1'])
    fixture.down.clear()
    await vi.advanceTimersByTimeAsync(1_000)
    // It is checked without a call, which could fail; the next one finds it.
    const third = fixture.set('ns:a3')
    await settled()
    expect(await third).toBe(true)
    expect(fixture.asked.at(-1)).toBe('b set ns:a3 0 0 1')
    expect(fixture.told.at(-1)).toBe('server:up a:11211')
    expect(await fixture.set('ns:a4')).toBe(true)
    expect(fixture.asked.at(-1)).toBe('a set ns:a4 0 0 1')
  })

  test('and others as well: the call finds the one that is not, the same for each namespace', async () => {
    const keys = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8']
    const places: string[][] = []
    for (const namespace of ['', 'x:', 'yy:']) {
      const fixture = fleetOf({
        servers: at('a', 'b', 'c', 'd', 'e', 'f'),
        failover: { kind: 'next' },
        namespaceLength: namespace.length,
      })
      for (const host of ['a', 'b', 'c', 'd']) fixture.down.add(host)
      const calls = keys.map((key) => fixture.set(namespace + key))
      await settled()
      expect(await Promise.all(calls)).toEqual(Array(8).fill(true))
      const hosts = keys.map((key) =>
        fixture.asked.find((line) => line.includes(`set ${namespace}${key} `))?.charAt(0),
      )
      places.push(hosts.map(String))
    }
    expect(new Set(places[0])).toEqual(new Set(['e', 'f']))
    expect(places[1]).toEqual(places[0])
    expect(places[2]).toEqual(places[0])
  })

  test('has its calls taken by one that only stands in, which keeps no item longer', async () => {
    const fixture = fleetOf({ failover: { kind: 'gutter', servers: at('g'), ttl: 7 } })
    const { fleet } = fixture
    expect(fleet.servers.map(({ address }) => address.host)).toEqual(['a', 'b'])
    expect(fleet.everyServer.map(({ address }) => address.host)).toEqual(['a', 'b', 'g'])
    fixture.down.add('a')
    expect(await fixture.set('a1')).toBe(true)
    expect(await fixture.set('b1')).toBe(true)
    expect(fixture.asked).toEqual(['g set a1 0 7 1', 'b set b1 0 0 1'])
  })
})

describe('a list of servers that takes the place of another', () => {
  test('leaves alone those that stay, and closes the others after what is under way', async () => {
    const fixture = fleetOf()
    const { fleet } = fixture
    await fleet.connect()
    fixture.silent.add('b')
    const call = fixture.set('b1')
    await settled()
    let left = false
    const leaving = fleet.setServers(at('a', 'c')).then(() => {
      left = true
    })
    expect(fleet.addresses.map(({ host }) => host)).toEqual(['a', 'c'])
    expect(await fixture.set('c1')).toBe(true)
    expect(await fixture.set('a1')).toBe(true)
    expect(fixture.to('a')).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(500)
    expect(left).toBe(false)
    expect(fixture.to('b')[0]?.reason).toBeUndefined()
    expect(fixture.forgotten).toEqual([])
    fixture.answers('b')
    expect(await call).toBe(true)
    await settled()
    await leaving
    expect(fixture.to('b')[0]?.reason?.kind).toBe('closed')
    expect(fixture.forgotten).toEqual(['b:11211'])
    expect(fixture.to('a')[0]?.reason).toBeUndefined()
  })

  test('keeps the metrics of one that is there again before it has left', async () => {
    const fixture = fleetOf()
    fixture.silent.add('b')
    const call = fixture.set('b1')
    await settled()
    const leaving = fixture.fleet.setServers(at('a'))
    await fixture.fleet.setServers(at('a', 'b'))
    const second = fixture.set('b2')
    await settled()
    const leavingAgain = fixture.fleet.setServers(at('a'))
    const [first] = fixture.to('b')
    first?.receive('STORED\r\n')
    await call
    await settled()
    await leaving
    expect(fixture.forgotten).toEqual([])
    fixture.answers('b')
    await second
    await settled()
    await leavingAgain
    expect(fixture.forgotten).toEqual(['b:11211'])
  })

  test('has a new connection for another login at the same address', async () => {
    const fixture = fleetOf()
    await fixture.fleet.connect()
    const [a, b] = at('a', 'b')
    if (a === undefined || b === undefined) throw new Error('unreachable')
    await fixture.fleet.setServers([a, { ...b, weight: 2 }])
    expect(fixture.to('b')[0]?.reason).toBeUndefined()
    await fixture.fleet.setServers([a, { ...b, username: 'u', password: 'p' }])
    expect(fixture.to('b')[0]?.reason?.kind).toBe('closed')
    expect(fixture.fleet.servers[1]?.address.username).toBe('u')
    expect(fixture.forgotten).toEqual([])
  })

  test('and is not accepted by the distribution changes nothing', async () => {
    const fixture = fleetOf({
      distribution: ({ length }) => {
        if (length > 2) throw new RangeError('two at most')
        return { pick: () => 1 }
      },
    })
    const { servers } = fixture.fleet
    await expect(fixture.fleet.setServers(at('c', 'd', 'e'))).rejects.toThrow('two at most')
    expect(fixture.fleet.servers).toBe(servers)
    expect(await fixture.set('k')).toBe(true)
    expect(fixture.asked).toEqual(['b set k 0 0 1'])
  })

  test('is what calls are moved among', async () => {
    const fixture = fleetOf({ failover: { kind: 'next' } })
    await fixture.fleet.setServers(at('a', 'c'))
    fixture.down.add('a')
    expect(await fixture.set('a1')).toBe(true)
    expect(fixture.asked).toEqual(['c set a1 0 0 1'])
  })
})

describe('a call to all servers', () => {
  test('has the answer of each, or its failure in that place', async () => {
    const fixture = fleetOf({ failover: { kind: 'gutter', servers: at('g'), ttl: 7 } })
    fixture.down.add('a')
    const [first, second, ...more] = await fixture.fleet.askAll(version, 1_000, undefined)
    expect(first).toEqual(['a:11211', expect.any(ConnectionError)])
    expect(second).toEqual(['b:11211', ['VERSION 1.6.18']])
    expect(more).toEqual([])
    const all = await fixture.fleet.askAll(version, 1_000, undefined, true)
    expect(all.map(([server]) => server)).toEqual(['a:11211', 'b:11211', 'g:11211'])
    expect(fixture.asked.at(-1)).toBe('g version')
  })

  test('waits for none longer than its time', async () => {
    const fixture = fleetOf()
    fixture.silent.add('a')
    const call = fixture.fleet.askAll(version, 300, undefined)
    await vi.advanceTimersByTimeAsync(340)
    const answers = await call
    expect(answers[0]?.[1]).toBeInstanceOf(TimeoutError)
    expect(answers[1]?.[1]).toEqual(['VERSION 1.6.18'])
  })

  test('fails as a whole when its signal aborts', async () => {
    const fixture = fleetOf()
    fixture.silent.add('a')
    const controller = new AbortController()
    const call = fixture.fleet.askAll(version, 1_000, controller.signal)
    call.catch(() => {})
    await settled()
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
  })
})

describe('connect', () => {
  test('fails with the first server that cannot be reached, and has connected to the others', async () => {
    const fixture = fleetOf({ servers: at('a', 'b', 'c') })
    fixture.down.add('b').add('c')
    const connecting = fixture.fleet.connect()
    await expect(connecting).rejects.toThrow(ConnectionError)
    await expect(connecting).rejects.toMatchObject({ server: 'b:11211', command: 'connect' })
    expect(fixture.to('a')).toHaveLength(1)
  })

  test('fails after close', async () => {
    const { fleet } = fleetOf()
    await fleet.close()
    await expect(fleet.connect()).rejects.toThrow(ClosedError)
  })
})

describe('the end', () => {
  // One call to a server, to one that is leaving, to one that stands in, and a question.
  const busy = async () => {
    const fixture = fleetOf({
      servers: at('e'),
      discovery: { interval: 60_000 },
      failover: { kind: 'gutter', servers: at('g'), ttl: 7 },
    })
    fixture.list = cluster(1, 'a', 'b', 'd')
    await fixture.fleet.ready()
    for (const host of ['a', 'b', 'e', 'g']) fixture.silent.add(host)
    fixture.down.add('d')
    const calls = [fixture.set('a1'), fixture.set('b1'), fixture.set('d1')]
    await settled()
    const leaving = fixture.fleet.setServers(at('a', 'd'))
    await settled()
    await vi.advanceTimersByTimeAsync(100)
    return { fixture, calls, leaving }
  }

  test('waits for what is under way everywhere, and takes nothing more', async () => {
    const { fixture, calls, leaving } = await busy()
    const { fleet } = fixture
    let closed = false
    const closing = fleet.close().then(() => {
      closed = true
    })
    expect(() => fleet.checkOpen()).toThrow(ClosedError)
    await expect(fleet.setServers(at('c'))).rejects.toThrow(ClosedError)
    await expect(fixture.set('a2')).rejects.toThrow(ClosedError)
    for (const host of ['a', 'g', 'b']) {
      expect(closed).toBe(false)
      fixture.answers(host)
      await settled()
    }
    expect(await Promise.all(calls)).toEqual([true, true, true])
    await closing
    await leaving
    expect(fixture.network.connections.map(({ reason }) => reason?.kind)).toEqual(
      Array(4).fill('closed'),
    )
  })

  test('ends everything at once where it is not waited for', async () => {
    const { fixture, calls, leaving } = await busy()
    const closing = fixture.fleet.close()
    fixture.fleet.drop(new Fault('closed', 'time is up'))
    for (const call of calls) {
      await expect(call).rejects.toThrow(ClosedError)
      await expect(call).rejects.toThrow('time is up')
    }
    await settled()
    await Promise.all([closing, leaving])
    expect(() => fixture.fleet.checkOpen()).toThrow(ClosedError)
    expect(fixture.network.connections.map(({ reason }) => reason?.kind)).toEqual(
      Array(4).fill('closed'),
    )
  })
})
