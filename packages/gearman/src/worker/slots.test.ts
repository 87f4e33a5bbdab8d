import { expect, test } from 'vitest'
import { type Grabbing, Slots } from './slots.js'

class Source implements Grabbing {
  hungry = true
  idle = false
  grabs = 0
  sleeps = 0

  grab(): void {
    this.grabs += 1
  }
  sleep(): void {
    this.sleeps += 1
    this.idle = false
  }
}

function slots(limit: number, ...sources: Source[]): Slots {
  const made = new Slots(limit)
  for (const source of sources) made.add(source)
  return made
}

test('grabs are shared out in turn, and never more than there are free slots', () => {
  const [a, b] = [new Source(), new Source()]
  const made = slots(5, a, b)
  made.fill()
  expect([a.grabs, b.grabs]).toEqual([0, 0])
  made.allow(Number.POSITIVE_INFINITY)
  expect(a.grabs + b.grabs).toBe(5)
  expect(Math.abs(a.grabs - b.grabs)).toBe(1)
  made.taken()
  made.fill()
  expect(a.grabs + b.grabs).toBe(5)
  made.finished()
  made.fill()
  expect(a.grabs + b.grabs).toBe(6)
})

test('slots that one server does not need go to the others', () => {
  const [a, b] = [new Source(), new Source()]
  const made = slots(4, a, b)
  a.hungry = false
  made.allow(Number.POSITIVE_INFINITY)
  expect([a.grabs, b.grabs]).toEqual([0, 4])
})

test('a source sleeps only while a slot is free', () => {
  const [a, b] = [new Source(), new Source()]
  const made = slots(1, a, b)
  b.hungry = false
  made.allow(Number.POSITIVE_INFINITY)
  b.idle = true
  made.fill()
  expect(b.sleeps).toBe(0)
  a.hungry = false
  made.returned(1)
  made.fill()
  expect(b.sleeps).toBe(1)
})

test('a quota ends the grabs before the slots do', () => {
  const source = new Source()
  const made = slots(8, source)
  made.allow(1)
  expect(source.grabs).toBe(1)
  made.taken()
  made.finished()
  made.fill()
  expect(source.grabs).toBe(1)
  made.allow(2)
  expect(source.grabs).toBe(3)
})

test('idle means that nothing runs and no grab is out', async () => {
  const source = new Source()
  const made = slots(2, source)
  made.allow(2)
  made.taken()
  made.allow(0)
  let idle = false
  const waiting = made.whenIdle().then(() => {
    idle = true
  })
  made.returned(1)
  await Promise.resolve()
  expect(idle).toBe(false)
  made.finished()
  await waiting
  await made.whenIdle()
})
