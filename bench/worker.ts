import { once } from 'node:events'
import { connect } from 'node:net'
import { frames, packet, Type } from './raw-packets.js'
import { hostPort, type OpenWorker } from './subject.js'

/** Answers every job with its workload, on a socket: the ceiling of a worker. */
const openRaw: OpenWorker = async (server, grabs) => {
  const socket = connect(hostPort(server))
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const grab = packet(Type.grab, Buffer.alloc(0))
  const sleep = packet(Type.preSleep, Buffer.alloc(0))
  let answers: Buffer[] = []
  let idle = 0
  const read = frames((type, body) => {
    if (type === Type.assign) {
      const handle = body.subarray(0, body.indexOf(0) + 1)
      const workload = body.subarray(body.indexOf(0, handle.length) + 1)
      answers.push(packet(Type.complete, Buffer.concat([handle, workload])), grab)
    } else if (type === Type.noJob) {
      idle += 1
      if (idle === grabs) answers.push(sleep)
    } else if (type === Type.noop) {
      for (; idle > 0; idle -= 1) answers.push(grab)
    }
  })
  socket.on('data', (chunk) => {
    answers = []
    read(chunk)
    if (answers.length > 0) socket.write(Buffer.concat(answers))
  })
  socket.write(packet(Type.canDo, Buffer.from('reverse')))
  for (let count = 0; count < grabs; count += 1) socket.write(grab)
}

const [subject = '', server = '', concurrency = '16', checkout] = process.argv.slice(2)
const openWorker =
  subject === 'raw'
    ? openRaw
    : ((await import(`./subjects/${subject}.js`)) as { openWorker: OpenWorker }).openWorker
await openWorker(server, Number(concurrency), checkout)
process.stdout.write('ready\n')
