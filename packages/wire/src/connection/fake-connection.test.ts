import { expect, test } from 'vitest'
import { Fault } from '../fault.js'
import { SocketlessConnection } from './fake-connection.js'

class Sink extends SocketlessConnection {
  flush(): string {
    return this.takeOutput().toString('latin1')
  }
}

function opened(received: (chunk: Buffer) => void = () => {}) {
  const reasons: Fault[] = []
  const connection = new Sink({ received, closed: (reason) => reasons.push(reason) })
  return { connection, reasons }
}

test('it closes once, and takes nothing in afterwards', () => {
  const chunks: string[] = []
  const { connection, reasons } = opened((chunk) => chunks.push(String(chunk)))
  const first = new Fault('lost', 'gone')
  connection.receiveBytes(Buffer.from('a'))
  connection.close(first)
  connection.close(new Fault('closed', 'over'))
  connection.receiveBytes(Buffer.from('b'))
  expect(reasons).toEqual([first])
  expect(connection.reason).toBe(first)
  expect(chunks).toEqual(['a'])
})

test('what its owner throws closes it: a Fault as it is, anything else as garbled', () => {
  const fault = new Fault('timeout', 'too late')
  for (const thrown of [fault, new RangeError('no such type'), 'no error']) {
    const { connection, reasons } = opened(() => {
      throw thrown
    })
    connection.receiveBytes(Buffer.from('a'))
    if (thrown === fault) expect(reasons).toEqual([fault])
    else {
      const message = thrown instanceof Error ? 'no such type' : 'no error'
      expect(reasons).toMatchObject([{ kind: 'garbled', message, cause: thrown }])
    }
  }
})

test('what was appended leaves as bytes, text with one byte a character', () => {
  const { connection } = opened()
  connection.output.text('set \xff ')
  connection.output.bytes(Buffer.from([0, 255]))
  expect(connection.flush()).toBe('set \xff \0\xff')
  expect(connection.output.empty).toBe(true)
  expect(connection.flush()).toBe('')
})
