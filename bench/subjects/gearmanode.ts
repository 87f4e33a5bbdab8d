import { loadPeer } from '../peers.js'
import { hostPort, type JobSubject } from '../subject.js'

interface Job {
  response: string
  on(event: 'complete' | 'failed', listener: () => void): Job
  once(event: 'complete' | 'failed', listener: () => void): Job
}
interface Gearmanode {
  client(options: object): {
    submitJob(name: string, workload: string | Buffer, options?: object): Job
    close(): void
  }
  Client: { logger: { transports: { console?: { level: string } } } }
}

export async function open(server: string): Promise<JobSubject> {
  const gearmanode = loadPeer<Gearmanode>('gearmanode')
  const client = gearmanode.client(hostPort(server))
  return {
    do: (workload) =>
      new Promise((resolve, reject) => {
        const job = client.submitJob('reverse', workload)
        job.once('complete', () => resolve(job.response))
        job.once('failed', () => reject(new Error('the job failed')))
      }),
    close: () => client.close(),
  }
}
