import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import type { JobSubject } from '../subject.js'

export async function open(server: string): Promise<JobSubject> {
  const client = new GearmanClient(server)
  return {
    do: (workload) => client.do('reverse', workload),
    doBackground: (workload) => client.doBackground('nobody', workload),
    close: () => client.close(),
  }
}

export async function openWorker(server: string, concurrency: number): Promise<void> {
  const worker = new GearmanWorker({ servers: server, concurrency })
  worker.addFunction('reverse', (job) => job.workload())
  void worker.work()
  await new GearmanClient(server).ping()
}
