import { once } from 'node:events'
import { connect } from 'node:net'
import type { Measurement, Scenario } from './scenario.js'
import { hostPort } from './subject.js'

/** Types of packets that the raw sockets send or count. */
const Type = { submit: 7, created: 8, complete: 13, background: 18, low: 34 } as const

export function packet(type: number, body: Buffer, magic = '\0REQ'): Buffer {
  const head = Buffer.alloc(12)
  head.write(magic, 'latin1')
  head.writeUInt32BE(type, 4)
  head.writeUInt32BE(body.length, 8)
  return Buffer.concat([head, body])
}

/** Walks frames without looking into them: tells the type of each. */
export function frames(onFrame: (type: number, body: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (bytes.length >= 12) {
      const end = 12 + bytes.readUInt32BE(8)
      if (bytes.length < end) break
      onFrame(bytes.readUInt32BE(4), bytes.subarray(12, end))
      bytes = bytes.subarray(end)
    }
    rest = bytes
  }
}

/**
 * The ceiling of a Gearman client: submits built beforehand, replies only counted. Its worker is
 * `raw-worker.ts`, a process of its own.
 */
export async function rawJobs(
  { operation, concurrency, size }: Scenario,
  server: string,
  milliseconds: number,
): Promise<Measurement> {
  const socket = connect(hostPort(server))
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const background = operation === 'doBackground'
  const name = background ? 'nobody' : 'reverse'
  const body = Buffer.from(`${name}\0\0${'w'.repeat(size)}`)
  const submit = packet(background ? Type.background : Type.submit, body)
  const counted = background ? Type.created : Type.complete
  const stream = Buffer.concat(Array.from({ length: concurrency }, () => submit))
  let done = 0
  let finished = 0
  const read = frames((type) => {
    if (type === counted) finished += 1
  })
  socket.on('data', (chunk) => {
    finished = 0
    read(chunk)
    done += finished
    if (finished > 0) socket.write(stream.subarray(0, finished * submit.length))
  })
  socket.write(stream)
  await new Promise((resolve) => setTimeout(resolve, milliseconds / 4))
  const before = process.cpuUsage()
  const from = done
  const started = performance.now()
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
  const elapsed = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  socket.destroy()
  const count = done - from
  return { throughput: (count / elapsed) * 1_000, cpu: (user + system) / count, p50: 0, p99: 0 }
}
