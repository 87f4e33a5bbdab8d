import { expect, test } from 'vitest'
import { readRefusal, TextDecoder } from './text.js'
import { readConnectedWorker, readFunctionStatus } from './text-rows.js'

const LIST = { line: 'workers', list: true }
const LINE = { line: 'version', list: false }

test('an answer is the same however its bytes are cut', () => {
  const bytes = Buffer.from('one\t1\t0\t2\n.x\r\n.\n')
  for (let first = 0; first <= bytes.length; first += 1) {
    for (let second = first; second <= bytes.length; second += 1) {
      const decoder = new TextDecoder()
      const chunks = [
        bytes.subarray(0, first),
        bytes.subarray(first, second),
        bytes.subarray(second),
      ]
      const answers = chunks.map((chunk) => decoder.push(chunk, true)).filter(Boolean)
      expect(answers).toEqual([['one\t1\t0\t2', '.x']])
    }
  }
})

test('lines after the end are not an answer to anything', () => {
  expect(() => new TextDecoder().push(Buffer.from('.\n.\n'), true)).toThrow('more lines')
  expect(() => new TextDecoder().push(Buffer.from('OK\nOK\n'), false)).toThrow('more lines')
})

test('refusals, with and without a code', () => {
  expect(readRefusal(['ERR UNKNOWN_COMMAND Unknown+server+commandx'], LINE)).toEqual({
    code: 'UNKNOWN_COMMAND',
    text: 'Unknown server commandx',
  })
  expect(readRefusal(['ERR UNKNOWN_JOB'], LINE)).toEqual({ code: 'UNKNOWN_JOB', text: '' })
  expect(readRefusal(['ERR function not found'], LINE)).toEqual({
    code: 'ERR',
    text: 'function not found',
  })
  expect(readRefusal(['ERR as an id'], LIST)).toBeUndefined()
  expect(new TextDecoder().push(Buffer.from('ERR UNKNOWN_COMMAND x\r\n'), true)).toHaveLength(1)
})

test('a worker is taken apart from the right place', () => {
  const row = (line: string) => readConnectedWorker(line)
  expect(row('35 127.0.0.1 - :')).toEqual({
    fd: 35,
    address: '127.0.0.1',
    clientId: '-',
    functions: [],
  })
  expect(row('19 ::1 my : id : :q baz')).toEqual({
    fd: 19,
    address: '::1',
    clientId: 'my : id',
    functions: [':q', 'baz'],
  })
  expect(row('19 127.0.0.1  : f').clientId).toBe('')
  expect(() => row('OK')).toThrow('not a line')
})

test('a function is what stands before the numbers', () => {
  expect(readFunctionStatus('tab\tbed\t3\t2\t1')).toEqual({
    function: 'tab\tbed',
    total: 3,
    running: 2,
    workers: 1,
  })
  expect(() => readFunctionStatus('f\t1\t2')).toThrow('not a line')
  expect(() => readFunctionStatus('f\t1\t2\tx')).toThrow('not a line')
})

test('a list that names a job as its end is called goes on to what is behind it', () => {
  const bytes = Buffer.from('a\n.\nb\n.\nOK 1.1.20\n')
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const decoder = new TextDecoder()
    const chunks = [bytes.subarray(0, cut), bytes.subarray(cut)]
    const answers = chunks.map((chunk) => decoder.push(chunk, true, true)).filter(Boolean)
    expect(answers).toEqual([['a', '.', 'b']])
  }
  const empty = new TextDecoder().push(Buffer.from('.\nOK 1.1.20\n'), true, true)
  expect(empty).toEqual([])
  const refused = Buffer.from('ERR UNKNOWN_SHOW_ARGUMENTS\r\nOK 1.1.20\n')
  expect(new TextDecoder().push(refused, true, true)).toEqual(['ERR UNKNOWN_SHOW_ARGUMENTS'])
})

test('a long line costs as much in many pieces as in one', () => {
  const piece = Buffer.alloc(4_096, 'x')
  const decoder = new TextDecoder()
  const begin = performance.now()
  for (let turn = 0; turn < 4_000; turn += 1) decoder.push(piece, false)
  const [line = ''] = decoder.push(Buffer.from('\n'), false) ?? []
  expect(line).toHaveLength(4_000 * piece.length)
  // It was searched from its beginning with each piece: 14 s.
  expect(performance.now() - begin).toBeLessThan(3_000)
})

test('what goes on and on is no answer', () => {
  const endless = (text: string, list: boolean) => () => {
    const decoder = new TextDecoder()
    const piece = Buffer.alloc(65_536, text)
    for (let turn = 0; turn < 2_000; turn += 1) decoder.push(piece, list)
  }
  expect(endless('x', false)).toThrow('a line of more than')
  expect(endless('line\n', true)).toThrow('are not an admin answer')
  const long = endless(`${'l'.repeat(1_000)}\n`, true)
  expect(long).toThrow('are not an admin answer')
})

test('a worker of a hundred thousand functions, or colons, is read at once', () => {
  const begin = performance.now()
  const row = readConnectedWorker(`1 ::1 id : ${'f '.repeat(100_000)}`)
  expect(row.functions).toHaveLength(100_000)
  expect(() => readConnectedWorker(`1 ::1 ${' :'.repeat(100_000)}x  x`)).toThrow('not a line')
  // Each colon was tried with all that follows it: 60 s.
  expect(performance.now() - begin).toBeLessThan(3_000)
})
