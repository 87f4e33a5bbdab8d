import { once } from 'node:events'
import { connect } from 'node:net'
import { stopwatch } from './load.js'
import { frames, packet, Type } from './raw-packets.js'
import type { Measure, Order } from './scenario.js'
import { hostPort } from './subject.js'

/** Characters of a unique id, as many as a UUID has. */
const ID = 36

/**
 * The ceiling of a Gearman client: submits built beforehand, replies only counted. The worker that
 * answers is raw too, a process of its own (`worker.ts`). A background job has an id of its own, as
 * ours has: gearmand looks each up among all that are queued, which takes it longer than none.
 */
export async function rawJobs({ scenario, servers }: Order): Promise<Measure> {
  const { operation, concurrency, size } = scenario
  const socket = connect(hostPort(servers[0] as string))
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const background = operation === 'doBackground'
  const name = background ? 'nobody' : 'reverse'
  const id = background ? '0'.repeat(ID) : ''
  const body = Buffer.from(`${name}\0${id}\0${'w'.repeat(size)}`)
  const submit = packet(background ? Type.background : Type.submit, body)
  const counted = background ? Type.created : Type.complete
  const stream = Buffer.concat(Array.from({ length: concurrency }, () => submit))
  let done = 0
  let flying = 0
  let finished = 0
  let running = false
  let landed = (): void => {}
  let ids = Date.now() * 1_000
  const send = (count: number): void => {
    flying += count
    const bytes = stream.subarray(0, count * submit.length)
    socket.write(background ? withIds(bytes, count) : bytes)
  }
  const withIds = (bytes: Buffer, count: number): Buffer => {
    const own = Buffer.from(bytes)
    const at = submit.length - size - 1 - ID
    for (let job = 0; job < count; job += 1) {
      own.write(String(ids++).padStart(ID, '0'), at + job * submit.length, 'latin1')
    }
    return own
  }
  const read = frames((type) => {
    if (type === counted) finished += 1
  })
  socket.on('data', (chunk) => {
    finished = 0
    read(chunk)
    if (finished === 0) return
    done += finished
    flying -= finished
    if (running) send(finished)
    else if (flying === 0) landed()
  })
  return async ({ milliseconds }) => {
    running = true
    send(concurrency)
    await new Promise((resolve) => setTimeout(resolve, milliseconds / 4))
    const { elapsed, cpu } = stopwatch()
    const from = done
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    const count = done - from
    const result = { throughput: (count / elapsed()) * 1_000, cpu: cpu() / count, p50: 0, p99: 0 }
    await new Promise<void>((resolve) => {
      landed = resolve
      running = false
    })
    return result
  }
}
