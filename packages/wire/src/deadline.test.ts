import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Deadline, Deadlines } from './deadline.js'

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
  const until = performance.now() + 100
  while (performance.now() < until);
  // Stands for the reply that lies in the socket: it is read before timers are judged.
  setImmediate(() => deadlines.remove(wait))
  await sleep(60)
  expect(wait.times).toBe(0)
})
