import type * as Gearman from '@glammp/gearman'
import { type OpenJobs, type OpenWorker, packageUrl } from '../subject.js'

async function load(checkout: string | undefined): Promise<typeof Gearman> {
  return (await import(packageUrl('gearman', checkout))) as typeof Gearman
}

export const open: OpenJobs = async (server, checkout) => {
  const { GearmanClient } = await load(checkout)
  const client = new GearmanClient(server)
  return {
    do: (workload) => client.do('reverse', workload),
    doBackground: (workload) => client.doBackground('nobody', workload),
    close: () => client.close(),
  }
}

export const openWorker: OpenWorker = async (server, concurrency, checkout) => {
  const { GearmanClient, GearmanWorker } = await load(checkout)
  const worker = new GearmanWorker({ servers: server, concurrency })
  worker.addFunction('reverse', (job) => job.workload())
  void worker.work()
  await new GearmanClient(server).ping()
}
