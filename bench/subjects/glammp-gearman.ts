import type * as Gearman from '@glammp/gearman'
import { type OpenJobs, type OpenWorker, packageUrl } from '../subject.js'

async function load(checkout: string | undefined): Promise<typeof Gearman> {
  return (await import(packageUrl('gearman', checkout))) as typeof Gearman
}

/** Our client with a codec. */
export function openWith(codec: 'string' | 'buffer'): OpenJobs {
  return async (servers, checkout) => {
    const { GearmanClient } = await load(checkout)
    const client = new GearmanClient({ servers, codec })
    return {
      do: (workload) => client.do('reverse', workload),
      doBackground: (workload) => client.doBackground('nobody', workload),
      close: () => client.close(),
    }
  }
}

/** Our worker with a codec. */
export function openWorkerWith(codec: 'string' | 'buffer'): OpenWorker {
  return async (servers, concurrency, checkout) => {
    const { GearmanClient, GearmanWorker } = await load(checkout)
    const worker = new GearmanWorker({ servers, concurrency, codec })
    worker.addFunction('reverse', (job) => job.workload())
    void worker.work()
    await new GearmanClient(servers).ping()
  }
}

export const open: OpenJobs = openWith('string')
export const openWorker: OpenWorker = openWorkerWith('string')
