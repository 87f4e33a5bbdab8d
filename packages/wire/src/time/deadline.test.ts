import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Deadline, Deadlines, patiently } from './deadline.js'

function compute(milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

class Wait extends Deadline {
  readonly over: Promise<number>
  #resolve: (time: number) => void = () => {}
  times = 0

  constructor() {
    super()
    this.over = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  expire(): void {
    this.times += 1
    this.#resolve(performance.now())
  }
}

test('an entry expires after its time, never before', async () => {
  const deadlines = new Deadlines()
  const started = performance.now()
  const waits = [80, 20, 50].map((milliseconds) => {
    const wait = new Wait()
    deadlines.add(wait, milliseconds)
    return wait
  })
  const [long, short, middle] = await Promise.all(waits.map((wait) => wait.over))
  expect((short as number) - started).toBeGreaterThanOrEqual(20)
  expect((middle as number) - started).toBeGreaterThanOrEqual(50)
  expect((long as number) - started).toBeGreaterThanOrEqual(80)
  expect(short).toBeLessThan(middle as number)
  expect(middle).toBeLessThan(long as number)
  expect(deadlines.size).toBe(0)
})

test('an entry that is disarmed never expires, wherever it stood in the queue', async () => {
  const deadlines = new Deadlines()
  const waits = Array.from({ length: 5 }, () => new Wait())
  for (const wait of waits) deadlines.add(wait, 20)
  for (const index of [0, 2, 4]) deadlines.remove(waits[index] as Wait)
  deadlines.remove(waits[0] as Wait)
  expect(deadlines.size).toBe(2)
  await Promise.all([waits[1]?.over, waits[3]?.over])
  expect(waits.map((wait) => wait.times)).toEqual([0, 1, 0, 1, 0])
})

test('an entry can be armed again, also while it expires', async () => {
  const deadlines = new Deadlines()
  const again = new Wait()
  const first = new (class extends Deadline {
    expire(): void {
      deadlines.add(again, 10)
    }
  })()
  deadlines.add(first, 10)
  await again.over
  expect(again.times).toBe(1)
})

test('what arrived while the process was busy is not called late', async () => {
  const deadlines = new Deadlines()
  const wait = new Wait()
  deadlines.add(wait, 30)
  compute(100)
  // Stands for the reply that lies in the socket: it is read before timers are judged.
  setImmediate(() => deadlines.remove(wait))
  await sleep(60)
  expect(wait.times).toBe(0)
})

test('a process that computed for longer than the time has most of it left', async () => {
  const deadlines = new Deadlines()
  const [call, later] = [new Wait(), new Wait()]
  deadlines.add(call, 300)
  compute(250)
  deadlines.add(later, 300)
  compute(250)
  const computed = performance.now()
  const ends = await Promise.all([call.over, later.over])
  // However busy the machine is, it can only be later.
  expect(Math.min(...ends) - computed).toBeGreaterThan(100)
})

test('a process that is always busy gives up nevertheless', async () => {
  const deadlines = new Deadlines()
  const wait = new Wait()
  deadlines.add(wait, 600)
  const started = performance.now()
  let turns = 0
  while (wait.times === 0) {
    compute(100)
    turns += 1
    await sleep(1)
  }
  // Of two long turns that follow each other one counts, and at least 50 ms of the other do not.
  expect(performance.now() - started).toBeGreaterThanOrEqual(650)
  expect(turns).toBeLessThan(20)
})

test('many waits of as many durations all end, none early, and cost nothing meanwhile', async () => {
  const deadlines = new Deadlines()
  const started = performance.now()
  const waits = Array.from({ length: 5_000 }, (_, index) => {
    const wait = new Wait()
    deadlines.add(wait, 40 + ((index * 7) % 200) + index / 10_000)
    return wait
  })
  for (const wait of waits.slice(0, 2_500)) deadlines.remove(wait)
  for (const wait of waits.slice(2_500)) {
    expect((await wait.over) - started).toBeGreaterThanOrEqual(wait.due - started)
  }
  expect(waits.slice(0, 2_500).every((wait) => wait.times === 0)).toBe(true)
  expect(deadlines.size).toBe(0)

  const idle = Array.from({ length: 50_000 }, () => new Wait())
  for (const [index, wait] of idle.entries()) deadlines.add(wait, 600_000 + index / 100)
  await sleep(100)
  const before = process.cpuUsage()
  await sleep(1_000)
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1_000).toBeLessThan(250)
  for (const wait of idle) deadlines.remove(wait)
})

test('a single wait can be ended', async () => {
  let over = 0
  const forget = patiently(20, () => {
    over += 1
  })
  forget()
  await new Promise<void>((resolve) => patiently(40, resolve))
  expect(over).toBe(0)
})
