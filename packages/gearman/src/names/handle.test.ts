import { expect, test } from 'vitest'
import { InvalidArgumentError } from '../errors.js'
import { formatHandle, parseHandle, withoutNuls } from './handle.js'

test('a handle is read as it was written, with its server or without', () => {
  for (const server of ['localhost:4730', '[::1]:4730', '/run/gearmand.sock']) {
    expect(parseHandle(formatHandle(server, 'H:a:1'))).toEqual({ server, local: 'H:a:1' })
  }
  expect(parseHandle('H:a:1')).toEqual({ server: undefined, local: 'H:a:1' })
})

test('what gearmand would not answer is refused', () => {
  for (const handle of ['', 'a//', 'H:a 1', 'H:a:1\n', 'H:é:1', `H:${'a'.repeat(62)}`]) {
    expect(() => parseHandle(handle)).toThrow(InvalidArgumentError)
  }
  expect(parseHandle(`H:${'a'.repeat(61)}`).local).toHaveLength(63)
  expect(() => parseHandle(7 as unknown as string)).toThrow(InvalidArgumentError)
})

test('NULs at the end are not part of a handle', () => {
  expect(withoutNuls('H:a:1')).toBe('H:a:1')
  expect(withoutNuls('H:a:1\0\0')).toBe('H:a:1')
  expect(withoutNuls('\0')).toBe('')
})
