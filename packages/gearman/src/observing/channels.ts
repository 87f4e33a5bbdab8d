import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import { codeOf, isWatched, traced } from '@glammp/wire'
import { JobFailure } from '../errors.js'
import type { JobHandler } from '../job.js'
import type { TraceContext } from '../protocol/trace-context.js'

/** Names of the tracing channels of `node:diagnostics_channel`. */
export const channelNames: Readonly<Record<'submit' | 'job', string>> = Object.freeze({
  /** A client's job, from its submission to its result or, in the background, its handle. */
  submit: 'glammp:gearman:submit',
  /** A worker's job: its handler, middleware included. */
  job: 'glammp:gearman:job',
})

/**
 * What the channel of submissions publishes: the same object from `start` to `asyncEnd`, complete
 * from `asyncStart` (or `error`) on. It contains no workload or result.
 */
export interface SubmitMessage {
  /** The function as the caller named it. */
  readonly function: string
  readonly background: boolean
  /** Bytes of the workload as it is sent, or characters where it is text. */
  bytes: number
  /** The handle with its server, once gearmand has acknowledged the job. */
  handle: string | undefined
  /** `'complete'`, or `'queued'` in the background; else the `code` or name of the error. */
  outcome: string | undefined
  /** What the call rejected with. */
  error?: unknown
}

/** What the channel of jobs publishes, as {@link SubmitMessage}. */
export interface JobMessage {
  /** The function as the worker registered it. */
  readonly function: string
  /** The handle with its server. */
  readonly handle: string
  readonly unique: string
  /** Bytes of the workload. */
  readonly bytes: number
  /** What the client sent along by its `traceContext`. */
  readonly context: TraceContext | undefined
  /** How the handler ended: `'complete'`, `'fail'` or `'exception'`. */
  outcome: string | undefined
  /** What the handler threw. */
  error?: unknown
}

const submissions: TracingChannel<unknown, SubmitMessage> = tracingChannel(channelNames.submit)
const jobs: TracingChannel<unknown, JobMessage> = tracingChannel(channelNames.job)

/** True while the channel of submissions has a subscriber. */
export function submissionsAreWatched(): boolean {
  return isWatched(submissions as TracingChannel<unknown, object>)
}

/** Submits a job and publishes its outcome. */
export function traceSubmission<T>(
  name: string,
  background: boolean,
  submit: (message: SubmitMessage) => Promise<T>,
): Promise<T> {
  const message: SubmitMessage = {
    function: name,
    background,
    bytes: 0,
    handle: undefined,
    outcome: undefined,
  }
  const begin = async (): Promise<T> => {
    try {
      const value = await submit(message)
      message.outcome = background ? 'queued' : 'complete'
      return value
    } catch (error) {
      message.outcome = codeOf(error)
      throw error
    }
  }
  return traced(submissions, message, begin, () => {})
}

/** True while anybody listens to the channel of jobs. */
export function jobsAreWatched(): boolean {
  return isWatched(jobs as TracingChannel<unknown, object>)
}

/** The handler, with its outcome published. */
export function traceJob(handler: JobHandler<unknown>): JobHandler<unknown> {
  return (job) => {
    const message: JobMessage = {
      function: job.functionName,
      handle: job.handle,
      unique: job.unique,
      bytes: job.workloadBuffer.length,
      context: job.traceContext,
      outcome: undefined,
    }
    const begin = async (): Promise<unknown> => {
      try {
        const value = await handler(job)
        message.outcome = 'complete'
        return value
      } catch (error) {
        message.outcome = error instanceof JobFailure ? 'fail' : 'exception'
        throw error
      }
    }
    return traced(jobs, message, begin, () => {})
  }
}
