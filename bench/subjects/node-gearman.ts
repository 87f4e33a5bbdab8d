import { loadPeer } from '../peers.js'
import { hostPort, type JobSubject } from '../subject.js'

interface Job {
  on(event: 'data', listener: (chunk: Buffer) => void): Job
  on(event: 'end', listener: () => void): Job
  on(event: 'error', listener: (error: Error) => void): Job
}
interface Gearman {
  connect(): void
  submitJob(name: string, workload: string | Buffer): Job
  close(): void
  on(event: 'connect', listener: () => void): void
}

export async function open(server: string): Promise<JobSubject> {
  const Client = loadPeer<new (host: string, port: number) => Gearman>('node-gearman')
  const { host, port } = hostPort(server)
  const client = new Client(host, port)
  await new Promise<void>((resolve) => {
    client.on('connect', resolve)
    client.connect()
  })
  return {
    do: (workload) =>
      new Promise((resolve, reject) => {
        let result: Buffer | undefined
        client
          .submitJob('reverse', workload)
          .on('data', (chunk) => {
            result = chunk
          })
          .on('end', () => resolve(result))
          .on('error', reject)
      }),
    close: () => client.close(),
  }
}
