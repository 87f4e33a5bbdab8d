import { Fault } from '@glammp/wire'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ClosedError, ConnectionError } from '../errors.js'
import { LineRequest } from '../requests/line-request.js'
import type { FleetOptions } from './fleet.js'
import { at, cluster, FleetFixture, settled } from './fleet-fixture.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('servers that an endpoint names', () => {
  const discovering = (options: Partial<FleetOptions> = {}): FleetFixture => {
    const fixture = new FleetFixture({
      servers: at('e1', 'e2'),
      discovery: { interval: 200 },
      ...options,
    })
    fixture.list = cluster(1, 'a', 'b')
    return fixture
  }

  test('are waited for once, from the first endpoint that answers', async () => {
    // Of itself, whatever protocol the servers speak.
    const fixture = discovering({ protocol: 'binary' })
    fixture.down.add('e1')
    expect(fixture.fleet.servers).toEqual([])
    const waits = [fixture.fleet.ready(), fixture.fleet.ready()]
    await Promise.all(waits)
    expect(fixture.asked).toEqual(['e2 config get cluster'])
    expect(fixture.fleet.addresses.map(({ name }) => name)).toEqual(['a:11211', 'b:11211'])
    expect(fixture.fleet.ready()).toBeUndefined()
    // An endpoint is no server: nothing is told of it.
    expect(fixture.told).toEqual([])
  })

  test('are waited for until the signal aborts; the question goes on', async () => {
    const fixture = discovering()
    fixture.silent.add('e1')
    const controller = new AbortController()
    const patient = fixture.fleet.ready()
    const hasty = fixture.fleet.ready(controller.signal)
    await settled()
    controller.abort(new Error('enough'))
    await expect(hasty).rejects.toThrow('enough')
    fixture.answers('e1', fixture.list)
    await patient
    expect(fixture.fleet.servers).toHaveLength(2)
  })

  test('are not known where no endpoint answers, and asked for anew by the next call', async () => {
    const fixture = discovering({
      discovery: { interval: 60_000 },
      ejection: { failures: 1, cooldown: 60_000 },
    })
    fixture.down.add('e1').add('e2')
    await expect(fixture.fleet.ready()).rejects.toThrow(ConnectionError)
    // Somebody may only look whether there is something to wait for.
    void fixture.fleet.ready()
    await vi.advanceTimersByTimeAsync(1_000)
    fixture.down.clear()
    await fixture.fleet.ready()
    expect(fixture.fleet.servers).toHaveLength(2)
  })

  test('are waited for by connect, and by a call to all of them', async () => {
    const connecting = discovering()
    await connecting.fleet.connect()
    expect(connecting.to('a')).toHaveLength(1)
    expect(connecting.to('b')).toHaveLength(1)
    const asking = discovering()
    const version = () => new LineRequest('version', 'version')
    const answers = await asking.fleet.askAll(version, 1_000, undefined)
    expect(answers.map(([server]) => server)).toEqual(['a:11211', 'b:11211'])
  })

  test('come and go; what has gone finishes its calls, then its metrics are gone', async () => {
    const fixture = discovering()
    await fixture.fleet.ready()
    fixture.silent.add('b')
    const call = fixture.set('b1')
    await settled()
    fixture.list = cluster(2, 'a', 'c')
    await vi.advanceTimersByTimeAsync(210)
    expect(fixture.fleet.addresses.map(({ host }) => host)).toEqual(['a', 'c'])
    expect(fixture.forgotten).toEqual([])
    fixture.answers('b')
    expect(await call).toBe(true)
    await settled()
    expect(fixture.to('b')[0]?.reason?.kind).toBe('closed')
    expect(fixture.forgotten).toEqual(['b:11211'])
  })

  test('are asked for at once when one of them is down', async () => {
    const fixture = discovering({ discovery: { interval: 60_000 } })
    await fixture.fleet.ready()
    await vi.advanceTimersByTimeAsync(2_000)
    fixture.down.add('b')
    const questions = () => fixture.asked.filter((line) => line.includes('config')).length
    await expect(fixture.set('b1')).rejects.toThrow(ConnectionError)
    await settled()
    expect(questions()).toBe(2)
    // The list was not changed yet. It is asked for as long as the server is tried in vain.
    fixture.list = cluster(2, 'a', 'c')
    await vi.advanceTimersByTimeAsync(2_000)
    await expect(fixture.set('b1')).rejects.toThrow(ConnectionError)
    await settled()
    expect(questions()).toBe(3)
    expect(fixture.fleet.addresses.map(({ host }) => host)).toEqual(['a', 'c'])
    expect(fixture.forgotten).toEqual(['b:11211'])
  })

  test('keep the metrics of one that is an endpoint as well', async () => {
    const fixture = discovering()
    fixture.list = cluster(1, 'a', 'e2')
    await fixture.fleet.ready()
    fixture.list = cluster(2, 'a')
    await vi.advanceTimersByTimeAsync(210)
    expect(fixture.fleet.servers).toHaveLength(1)
    expect(fixture.forgotten).toEqual([])
  })

  test('are asked for no more once it is over, and nobody waits for them', async () => {
    const fixture = discovering()
    fixture.silent.add('e1')
    const waiting = fixture.fleet.ready()
    await settled()
    fixture.fleet.drop(new Fault('closed', 'time is up'))
    await expect(waiting).rejects.toThrow(ClosedError)
    expect(() => fixture.fleet.checkOpen()).toThrow(ClosedError)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(fixture.asked).toHaveLength(1)
  })
})
