import { expect, test } from 'vitest'
import { ErrorBase } from './error-base.js'

class Failure extends ErrorBase {
  static override readonly kind: string = 'Failure'
  readonly code: string = 'ERR_FAILURE'
}
class Timeout extends Failure {
  static override readonly kind: string = 'Timeout'
}
// The same class as another bundle would carry it.
class OtherTimeout extends ErrorBase {
  static override readonly kind: string = 'Timeout'
  readonly code = 'ERR_FAILURE'
}

test('an error knows its server, its cause and its name', () => {
  const cause = new Error('reset')
  const error = new Timeout('late', { server: 'a:1', cause })
  expect(error).toMatchObject({ name: 'Timeout', code: 'ERR_FAILURE', server: 'a:1', cause })
  expect(String(error)).toBe('Timeout: late')
  expect(Object.keys(error)).not.toContain('name')
})

test('instanceof holds for the class, its bases, and the same class of another bundle', () => {
  const error: unknown = new Timeout('late')
  expect(error).toBeInstanceOf(Timeout)
  expect(error).toBeInstanceOf(Failure)
  expect(error).toBeInstanceOf(Error)
  expect(new OtherTimeout('late')).toBeInstanceOf(Timeout)
  expect(new Failure('x')).not.toBeInstanceOf(Timeout)
  expect(new Error('x')).not.toBeInstanceOf(Failure)
  for (const nothing of [null, undefined, 'Timeout', 1]) {
    expect(nothing).not.toBeInstanceOf(Failure)
  }
})
