import { once } from 'node:events'
import { connect } from 'node:net'
import { frames, packet } from './raw-jobs.js'
import { hostPort, type OpenWorker } from './subject.js'

/** Grabs that the raw worker keeps in flight. */
const GRABS = 16

/** Answers every job with its workload, on a socket: the ceiling of a worker. */
const openRaw: OpenWorker = async (server) => {
  const socket = connect(hostPort(server))
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const grab = packet(9, Buffer.alloc(0))
  const sleep = packet(4, Buffer.alloc(0))
  let answers: Buffer[] = []
  let idle = 0
  const read = frames((type, body) => {
    if (type === 11) {
      const handle = body.subarray(0, body.indexOf(0) + 1)
      const workload = body.subarray(body.indexOf(0, handle.length) + 1)
      answers.push(packet(13, Buffer.concat([handle, workload])), grab)
    } else if (type === 10) {
      idle += 1
      if (idle === GRABS) answers.push(sleep)
    } else if (type === 6) {
      for (; idle > 0; idle -= 1) answers.push(grab)
    }
  })
  socket.on('data', (chunk) => {
    answers = []
    read(chunk)
    if (answers.length > 0) socket.write(Buffer.concat(answers))
  })
  socket.write(packet(1, Buffer.from('reverse')))
  for (let count = 0; count < GRABS; count += 1) socket.write(grab)
}

const [subject = '', server = '', concurrency = '16'] = process.argv.slice(2)
const openWorker =
  subject === 'raw'
    ? openRaw
    : ((await import(`./subjects/${subject}.js`)) as { openWorker: OpenWorker }).openWorker
await openWorker(server, Number(concurrency))
process.stdout.write('ready\n')
