import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PendingQueue } from './pending-queue.js'

test('behaves as an array that is pushed to and shifted from', () => {
  const step = fc.oneof({ weight: 3, arbitrary: fc.constant('push') }, fc.constant('shift'))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const queue = new PendingQueue<number>()
      const model: number[] = []
      for (const [index, name] of steps.entries()) {
        if (name === 'push') {
          queue.push(index)
          model.push(index)
        } else {
          expect(queue.shift()).toBe(model.shift())
        }
        expect(queue.size).toBe(model.length)
        expect(queue.peek()).toBe(model[0])
      }
      expect(queue.drain()).toEqual(model)
      expect(queue.size).toBe(0)
    }),
  )
})

test('keeps the order when it grows to 100,000 and shrinks again', () => {
  const queue = new PendingQueue<number>()
  for (let item = 0; item < 100_000; item += 1) queue.push(item)
  for (let item = 0; item < 100_000; item += 1) expect(queue.shift()).toBe(item)
  expect(queue.shift()).toBeUndefined()
})
