import { loadPeer } from '../peers.js'
import { hostPort, type JobSubject } from '../subject.js'

interface AbraxasClient {
  submitJob(name: string, workload: string | Buffer): PromiseLike<Buffer | string>
  submitJobBg(name: string, workload: string | Buffer): PromiseLike<string>
  registerWorker(
    name: string,
    options: { maxJobs: number },
    handler: (task: { payload: PromiseLike<Buffer> | Buffer; end(data: unknown): void }) => unknown,
  ): void
  disconnect(): void
}
interface Abraxas {
  /** Client and worker in one. */
  Client: { connect(options: object): AbraxasClient }
}

export async function open(server: string): Promise<JobSubject> {
  const { Client } = loadPeer<Abraxas>('abraxas')
  const client = Client.connect({ ...hostPort(server), maxJobs: 1_000_000 })
  return {
    do: async (workload) => client.submitJob('reverse', workload),
    doBackground: async (workload) => client.submitJobBg('nobody', workload),
    close: () => client.disconnect(),
  }
}

export async function openWorker(server: string, concurrency: number): Promise<void> {
  const { Client } = loadPeer<Abraxas>('abraxas')
  const worker = Client.connect({ ...hostPort(server), maxJobs: concurrency })
  worker.registerWorker('reverse', { maxJobs: concurrency }, (task) => task.payload)
}
