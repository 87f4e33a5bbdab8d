import { once } from 'node:events'
import { connect } from 'node:net'
import { stopwatch } from './load.js'
import { keyNames, type Measure, type Order, sampleValue } from './scenario.js'
import { hostPort } from './subject.js'

/**
 * The ceiling of a memcached client on one socket: requests are built beforehand, replies only
 * counted by their length, and there is no promise, no key and no error.
 */
export async function rawCache({ scenario, servers, mark }: Order): Promise<Measure> {
  const socket = connect(hostPort(servers[0] as string))
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const { concurrency, operation } = scenario
  const value = String(sampleValue(scenario))
  const keys = keyNames(scenario.keys ?? 100, mark)
  const sets = keys.map((key) => `ms ${key} ${value.length}\r\n${value}\r\n`)
  const gets = keys.map((key) => `mg ${key} v f\r\n`)
  const found = `VA ${value.length} f0\r\n`.length + value.length + 2
  const stored = 'HD\r\n'.length
  // Every key has its value before anything is measured.
  await exchange(socket, sets.join(''), stored * keys.length)

  // memcached answers a key of a list in half the time of an mg.
  const list = `get ${keys.join(' ')}\r\n`
  const listed = keys.length * (`VALUE ${keys[0]} 0 `.length - 'VA  f0'.length + found)
  const kinds = {
    set: { requests: sets, replyLength: stored },
    get: { requests: gets, replyLength: found },
    getMany: { requests: [list], replyLength: listed + 'END\r\n'.length },
  }
  const { requests, replyLength } = kinds[operation as keyof typeof kinds]
  const length = (requests[0] as string).length
  const copies = Math.ceil(concurrency / requests.length)
  const stream = Buffer.from(requests.join('').repeat(copies), 'latin1')

  let received = 0
  let done = 0
  let flying = 0
  let running = false
  let landed = (): void => {}
  const send = (count: number): void => {
    flying += count
    socket.write(stream.subarray(0, count * length))
  }
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
    const complete = Math.floor(received / replyLength)
    if (complete === 0) return
    received -= complete * replyLength
    done += complete
    flying -= complete
    if (running) send(complete)
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
