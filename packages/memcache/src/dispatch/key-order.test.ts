import { expect, test } from 'vitest'
import { Turns } from './key-order.js'

const later = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

test('a key that nobody prepares anything for costs no wait', () => {
  const turns = new Turns()
  expect(turns.of('a')).toBeUndefined()
  expect(turns.enter(['a'])).toBeUndefined()
  expect(turns.idle()).toBeUndefined()
})

test('commands of one key are sent in the order of the calls, those of others at once', async () => {
  const turns = new Turns()
  const sent: string[] = []
  const slow = (name: string, key: string, milliseconds: number): Promise<string> =>
    turns.take(key, async () => {
      await later(milliseconds)
      return async () => {
        sent.push(name)
        return name
      }
    })
  const quick = async (name: string, key: string): Promise<void> => {
    const turn = turns.of(key)
    if (turn === undefined) sent.push(name)
    else await turn.then(() => sent.push(name))
  }
  const many = async (name: string, keys: string[]): Promise<void> => {
    const turn = turns.enter(keys)
    const leave = turn === undefined ? undefined : await turn
    sent.push(name)
    leave?.()
  }
  const all = [
    slow('a1', 'a', 30),
    quick('a2', 'a'),
    slow('a3', 'a', 1),
    slow('b1', 'b', 10),
    many('ab4', ['a', 'b', 'c']),
    quick('a5', 'a'),
    quick('b5', 'b'),
    quick('c1', 'c'),
    slow('a6', 'a', 1),
  ]
  expect(await Promise.all(all)).toContain('a6')
  expect(sent).toEqual(['b1', 'a1', 'a2', 'a3', 'ab4', 'a5', 'b5', 'c1', 'a6'])
  await later(0)
  expect(turns.of('a')).toBeUndefined()
  expect(turns.idle()).toBeUndefined()
})

test('one that cannot be prepared rejects and gives way', async () => {
  const turns = new Turns()
  const failing = turns.take('a', () => Promise.reject(new RangeError('too large')))
  const next = turns.take('a', async () => async () => 'sent')
  await expect(failing).rejects.toThrow('too large')
  expect(await next).toBe('sent')
})
