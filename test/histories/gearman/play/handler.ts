import { setTimeout as sleep } from 'node:timers/promises'
import { type GearmanJob, type GearmanWorker, JobFailure } from '@glammp/gearman'
import type { Run } from '../history.js'
import { open, STEPS, seal, thrownText } from './message.js'

/** Milliseconds on a clock that all processes of the machine share. */
export const clock = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000

/** What a worker notes: the beginning of a run, then its end. */
export type Note =
  | {
      readonly what: 'begin'
      readonly run: number
      readonly job: number
      readonly handle: string
      readonly at: number
    }
  | {
      readonly what: 'end'
      readonly run: number
      readonly how: NonNullable<Run['how']>
      readonly at: number
    }

/** Runs are numbered over all workers and their lives. */
export const RUNS_OF_WORKER = 10_000_000
export const RUNS_OF_LIFE = 100_000

/** The function that only this worker serves. */
export const ownFunction = (worker: number): string => `own-${worker}`

/** Has the worker serve the functions, and its own. */
export const serve = (
  worker: GearmanWorker<'buffer'>,
  functions: readonly string[],
  firstRun: number,
  note: (note: Note) => void,
): void => {
  let run = firstRun
  const handler = async (job: GearmanJob<Buffer>): Promise<Buffer> => {
    run += 1
    return work(job, run, note)
  }
  for (const fn of functions) worker.addFunction(fn, handler)
}

const work = async (
  job: GearmanJob<Buffer>,
  run: number,
  note: (note: Note) => void,
): Promise<Buffer> => {
  const order = open(job.workloadBuffer)
  const id = order?.kind === 'order' ? order.job : 0
  note({ what: 'begin', run, job: id, handle: job.handle, at: clock() })
  const end = (how: NonNullable<Run['how']>): void => note({ what: 'end', run, how, at: clock() })
  if (order?.work === undefined) {
    end('exception')
    throw new Error('a workload that nobody has sent')
  }
  const { takes, data, status, warnings, bytes, ends } = order.work
  const rounds = Math.max(data, status, warnings)
  const pause = takes / (rounds + 1)
  const mark = { job: id, run }
  for (let index = 0; index < rounds; index += 1) {
    if (pause > 0) await sleep(pause)
    if (job.signal.aborted) break
    if (index < status) await job.sendStatus(id * STEPS + index, run)
    if (index < data) await job.sendData(seal({ kind: 'data', ...mark, index }, bytes))
    if (index < warnings) await job.sendWarning(JSON.stringify({ ...mark, index }))
  }
  if (pause > 0) await sleep(pause)
  if (job.signal.aborted) {
    end('lost')
    return Buffer.alloc(0)
  }
  end(ends)
  if (ends === 'fail') throw new JobFailure()
  if (ends === 'exception') throw new Error(thrownText(id, run))
  return seal({ kind: 'result', ...mark, index: data }, bytes)
}
