import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import * as errors from './errors.js'

test('every class has a code of its own, its name, and is a GearmanError', () => {
  const details = {
    server: 'a:1',
    function: 'f',
    handle: 'a:1//H:a:1',
    cause: new Error('why'),
    serverCode: 'QUEUE_ERROR',
    data: Buffer.from('boom'),
  }
  const codes = new Set<string>()
  for (const [name, type] of Object.entries(errors)) {
    if (name === 'GearmanError' || name === 'JobFailure') continue
    const error = new (type as typeof errors.JobExceptionError)('what happened', details)
    expect(error).toBeInstanceOf(errors.GearmanError)
    expect(error).toBeInstanceOf(Error)
    const { server, function: fn, handle, cause } = details
    expect(error).toMatchObject({
      name,
      message: 'what happened',
      server,
      function: fn,
      handle,
      cause,
    })
    expect(error.code).toMatch(/^ERR_GEARMAN_[A-Z_]+$/)
    codes.add(error.code)
  }
  expect(codes.size).toBe(11)
})

test('a printed error shows no detail that is not known', () => {
  expect(inspect(new errors.ClosedError('closed'))).not.toContain('undefined')
  expect(inspect(new errors.ClosedError('closed', { function: 'f' }))).toContain("function: 'f'")
})
