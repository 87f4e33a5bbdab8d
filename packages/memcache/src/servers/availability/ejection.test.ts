import { Fault } from '@glammp/wire'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Ejection } from './ejection.js'

const fault = new Fault('connect', 'refused')

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** An ejection with what it told, and a server that answers probes while `alive`. */
function watched(failures: number, cooldown: number) {
  const told: string[] = []
  const server = { alive: true, probes: 0 }
  const ejection = new Ejection(
    { failures, cooldown },
    {
      ejected: () => told.push('ejected'),
      rejoined: () => told.push('rejoined'),
      probe: async () => {
        server.probes += 1
        if (!server.alive) throw fault
      },
    },
  )
  return { ejection, told, server }
}

test('where no other server is left probes are a second apart', async () => {
  const { ejection, told, server } = watched(1, 60_000)
  server.alive = false
  ejection.hurry()
  ejection.failed(fault)
  for (let turn = 0; turn < 50; turn += 1) {
    await vi.advanceTimersByTimeAsync(100)
    ejection.hurry()
  }
  expect(server.probes).toBe(5)
  // Nobody is refused any more: it waits as ever.
  await vi.advanceTimersByTimeAsync(30_000)
  expect(server.probes).toBeLessThanOrEqual(6)
  ejection.hurry()
  server.alive = true
  await vi.advanceTimersByTimeAsync(1_000)
  expect(told).toEqual(['ejected', 'rejoined'])
  const { probes } = server
  ejection.hurry()
  await vi.advanceTimersByTimeAsync(200_000)
  expect(server.probes).toBe(probes)
})

test('failures count in a row', () => {
  const { ejection, told } = watched(3, 1_000)
  for (let round = 0; round < 10; round += 1) {
    ejection.failed(fault)
    ejection.failed(fault)
    ejection.succeeded()
  }
  expect(told).toEqual([])
  for (let failure = 0; failure < 5; failure += 1) ejection.failed(fault)
  expect(told).toEqual(['ejected'])
  expect(ejection.reason).toBe(fault)
  ejection.stop()
})

test('it ends with the answer to a probe, not with time', async () => {
  const { ejection, told, server } = watched(1, 1_000)
  server.alive = false
  ejection.failed(fault)
  await vi.advanceTimersByTimeAsync(120_000)
  expect(told).toEqual(['ejected'])
  // 1, 2, 4, 8, 16, 30, 30 ... seconds, each a quarter more or less.
  expect(server.probes).toBeGreaterThanOrEqual(5)
  expect(server.probes).toBeLessThanOrEqual(9)
  server.alive = true
  await vi.advanceTimersByTimeAsync(40_000)
  expect(told).toEqual(['ejected', 'rejoined'])
  expect(ejection.reason).toBeUndefined()
})

test('a server that flaps changes places ever more seldom', async () => {
  const { ejection, told } = watched(1, 1_000)
  // It answers every probe, and fails every call a second later.
  for (let second = 0; second < 600; second += 1) {
    ejection.failed(fault)
    await vi.advanceTimersByTimeAsync(1_000)
  }
  const flips = told.length
  expect(flips).toBeLessThan(70)
  // Once it has been fine for a minute it is trusted as a new one.
  await vi.advanceTimersByTimeAsync(120_000)
  told.length = 0
  ejection.failed(fault)
  await vi.advanceTimersByTimeAsync(1_300)
  expect(told).toEqual(['ejected', 'rejoined'])
})
