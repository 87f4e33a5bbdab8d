import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { onAbort, orAborted, reasonOf } from './on-abort.js'

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

test('a signal of somebody else’s make that throws harms nothing', () => {
  const throws = (): never => {
    throw new Error('no signal of ours')
  }
  const listeners: (() => void)[] = []
  const signal = {
    aborted: false,
    addEventListener: (_: string, listener: () => void) => listeners.push(listener),
    removeEventListener: throws,
    get reason() {
      return throws()
    },
  } as unknown as AbortSignal
  onAbort(signal, throws)()
  const told: unknown[] = []
  onAbort(signal, () => told.push(reasonOf(signal)))
  for (const listener of listeners) listener()
  expect(told).toMatchObject([{ message: 'no signal of ours' }])
  const deaf = { aborted: false, addEventListener: throws } as unknown as AbortSignal
  for (let call = 0; call < 2; call += 1) expect(() => onAbort(deaf, throws)).toThrow('no signal')
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
