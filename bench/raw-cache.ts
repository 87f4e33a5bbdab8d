import { once } from 'node:events'
import { connect } from 'node:net'
import { keyNames, type Measurement, type Scenario, sampleValue } from './scenario.js'
import { hostPort } from './subject.js'

/**
 * The ceiling of a memcached client on one socket: requests are built beforehand, replies only
 * counted by their length, and there is no promise, no key and no error.
 */
export async function rawCache(
  scenario: Scenario,
  server: string,
  milliseconds: number,
): Promise<Measurement> {
  const socket = connect(hostPort(server))
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const value = String(sampleValue(scenario))
  const keys = keyNames(scenario.keys ?? 100)
  const sets = keys.map((key) => `ms ${key} ${value.length}\r\n${value}\r\n`)
  const gets = keys.map((key) => `mg ${key} v f\r\n`)
  const found = `VA ${value.length} f0\r\n`.length + value.length + 2
  const stored = 'HD\r\n'.length
  // Every key has its value before anything is measured.
  await exchange(socket, sets.join(''), stored * keys.length)

  const isSet = scenario.operation === 'set'
  const many = scenario.operation === 'getMany' ? keys.length : 1
  const requests = isSet ? sets : many > 1 ? [gets.join('')] : gets
  const replyLength = (isSet ? stored : found) * many
  const length = (requests[0] as string).length
  const copies = Math.ceil(Math.max(scenario.concurrency, 1) / requests.length)
  const stream = Buffer.from(requests.join('').repeat(copies), 'latin1')

  let received = 0
  let done = 0
  const answer = (chunk: Buffer): void => {
    received += chunk.length
    const complete = Math.floor(received / replyLength)
    if (complete === 0) return
    received -= complete * replyLength
    done += complete
    socket.write(stream.subarray(0, Math.min(complete, scenario.concurrency) * length))
  }
  socket.on('data', answer)
  socket.write(stream.subarray(0, scenario.concurrency * length))
  await new Promise((resolve) => setTimeout(resolve, milliseconds / 4))
  const before = process.cpuUsage()
  const started = performance.now()
  const [from] = [done]
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
  const elapsed = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  const count = done - from
  socket.destroy()
  return { throughput: (count / elapsed) * 1_000, cpu: (user + system) / count, p50: 0, p99: 0 }
}

async function exchange(
  socket: ReturnType<typeof connect>,
  request: string,
  replyLength: number,
): Promise<void> {
  let received = 0
  await new Promise<void>((resolve) => {
    const count = (chunk: Buffer): void => {
      received += chunk.length
      if (received < replyLength) return
      socket.off('data', count)
      resolve()
    }
    socket.on('data', count)
    socket.write(request, 'latin1')
  })
}
