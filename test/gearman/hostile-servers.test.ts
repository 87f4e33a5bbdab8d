import type { Socket } from 'node:net'
import { GearmanAdmin, GearmanClient, GearmanError, GearmanWorker } from '@glammp/gearman'
import { describe, expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { Growth } from '../support/growth.js'
import { waitFor } from '../support/wait.js'

// A job server that means harm ends each call with an error of its own, in time, and costs a bounded
// amount of memory.

const TIMEOUT = 500
const MB = 2 ** 20

function packet(type: number, length: number, body = ''): Buffer {
  const header = Buffer.from('\0RES\0\0\0\0\0\0\0\0', 'latin1')
  header.writeUInt32BE(type, 4)
  header.writeUInt32BE(length, 8)
  return Buffer.concat([header, Buffer.from(body, 'latin1')])
}
const whole = (type: number, body: string): Buffer => packet(type, body.length, body)

const JOB_CREATED = 8
const NOOP = 6
const JOB_ASSIGN_ALL = 40
const WORK_STATUS = 12
const OPTION_RES = 27
const WORK_DATA = 28

/** Writes the same for as long as the other side takes it. */
function endless(piece: Buffer, milliseconds = 0): (socket: Socket) => void {
  const bytes = milliseconds > 0 ? piece : Buffer.concat(new Array(2_000).fill(piece))
  return (socket) => {
    socket.once('data', () => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(bytes)) {}
      }
      if (milliseconds > 0) {
        const timer = setInterval(() => socket.write(bytes), milliseconds)
        socket.on('close', () => clearInterval(timer))
      } else {
        socket.on('drain', more)
        more()
      }
    })
  }
}
const says =
  (...bytes: Buffer[]) =>
  (socket: Socket): void => {
    socket.on('data', () => socket.write(Buffer.concat(bytes)))
  }
/** Greets, then drips a packet of 2 GB. */
const drips = (type: number) => (socket: Socket) => {
  socket.once('data', () => {
    socket.write(Buffer.concat([whole(OPTION_RES, 'exceptions'), packet(type, 2 ** 31)]))
    const timer = setInterval(() => socket.write('x'), 50)
    socket.on('close', () => clearInterval(timer))
  })
}

const ROWS: readonly [string, (socket: Socket) => void][] = [
  ['an endless line', endless(Buffer.alloc(100, 'x'))],
  ['a packet of 4 GB announced', says(packet(JOB_CREATED, 0xffff_ffff))],
  ['a packet of 2 GB announced', says(packet(JOB_CREATED, 2 ** 31, 'H'))],
  ['a job of 2 GB that drips', drips(JOB_ASSIGN_ALL)],
  ['a result of 2 GB that drips', drips(WORK_DATA)],
  ['packets of unknown type', endless(whole(99, 'x'))],
  ['wake-ups without an end', endless(whole(NOOP, ''))],
  ['news of jobs that nobody has', endless(whole(WORK_STATUS, 'H:x:1\x001\x002'))],
  ['data of jobs that nobody has', endless(whole(WORK_DATA, 'H:x:1\0data'))],
  ['jobs that nobody asked for', endless(whole(JOB_ASSIGN_ALL, 'H:x:1\0f\0u\0\0w'))],
  ['answers that nobody asked for', endless(whole(JOB_CREATED, 'H:x:1'))],
  ['a drip', endless(Buffer.from('\0'), 50)],
  ['HTTP', says(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  ['memcached', says(Buffer.from('ERROR\r\n'))],
  ['TLS', says(Buffer.from('15030300020228', 'hex'))],
]

describe.each(ROWS)('%s', (_name, script) => {
  test('ends the calls of a client and of an admin', async () => {
    await using server = await startFakeServer(script)
    const options = { servers: server.address, timeout: TIMEOUT, connectTimeout: TIMEOUT }
    await using client = new GearmanClient(options)
    await using admin = new GearmanAdmin(options)
    const growth = new Growth()
    for (const call of [
      () => client.do('f', 'x', { timeout: TIMEOUT }),
      () => client.doBackground('f', 'x'),
      () => client.jobStatus('H:a:1'),
      () => client.ping(),
      async () => Object.values(await admin.workers())[0],
      async () => Object.values(await admin.version())[0],
    ]) {
      const begin = performance.now()
      const end: unknown = await call().catch((error: unknown) => error)
      // An answer in a line is what an admin was told, whoever said it.
      if (typeof end !== 'string') expect(end, String(end)).toBeInstanceOf(GearmanError)
      expect(performance.now() - begin).toBeLessThan(8 * TIMEOUT)
    }
    expect(growth.most()).toBeLessThan(96 * MB)
  })

  test('costs a worker its connection at most', async () => {
    await using server = await startFakeServer(script)
    const worker = new GearmanWorker({
      servers: server.address,
      timeout: TIMEOUT,
      connectTimeout: TIMEOUT,
    })
    let most = 0
    worker.addFunction('f', () => {
      most = Math.max(most, worker.running)
    })
    const growth = new Growth()
    void worker.work()
    await waitFor(() => server.connections > 0)
    await new Promise((resolve) => setTimeout(resolve, 400))
    await worker.close({ timeout: 200 })
    // One at a time, however many come.
    expect(most).toBeLessThanOrEqual(1)
    expect(growth.most()).toBeLessThan(96 * MB)
  })
})
