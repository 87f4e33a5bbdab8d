import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { onAbort } from './on-abort.js'

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
