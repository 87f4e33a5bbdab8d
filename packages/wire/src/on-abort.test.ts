import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { onAbort, orAborted } from './on-abort.js'

test('a signal of many calls carries one listener, and none when they are over', () => {
  const { signal } = new AbortController()
  const undo = Array.from({ length: 50 }, () => onAbort(signal, () => {}))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  for (const call of undo) call()
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  onAbort(signal, () => {})
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
})

test('every call that still waits is told once', () => {
  const controller = new AbortController()
  const told: number[] = []
  const undo = [1, 2, 3].map((call) => onAbort(controller.signal, () => told.push(call)))
  undo[1]?.()
  controller.abort()
  controller.abort()
  undo[0]?.()
  expect(told).toEqual([1, 3])
})

test('work is waited for until the signal aborts', async () => {
  const controller = new AbortController()
  const { signal } = controller
  expect(await orAborted(Promise.resolve(1), undefined)).toBe(1)
  expect(await orAborted(2, signal)).toBe(2)
  await expect(orAborted(Promise.reject(new Error('work')), signal)).rejects.toThrow('work')
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  const waiting = orAborted(new Promise(() => {}), signal)
  controller.abort(new Error('over'))
  await expect(waiting).rejects.toBe(signal.reason)
  // What the work comes to after that is of no concern, also where it fails.
  await expect(orAborted(Promise.reject(new Error('late')), signal)).rejects.toBe(signal.reason)
})
