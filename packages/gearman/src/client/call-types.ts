import type { JobOptions, Schedule } from './job-order.js'

/** A workload and options, where the workload may be left out if its type says so. */
export type Given<Input, Options> = undefined extends Input
  ? [workload?: NoInfer<Input>, options?: Options]
  : [workload: NoInfer<Input>, options?: Options]

/**
 * Settings of a job whose class the called method determines; `doHigh` and the like also determine
 * the priority.
 */
export type DoOptions = Omit<JobOptions, 'background'>

/** Settings of a job whose result is waited for. */
export type ForegroundOptions = DoOptions & { readonly background?: false | undefined }

/** Settings of a job that is left to gearmand: its result is its handle. */
export type BackgroundOptions = DoOptions & { readonly background: true }

/**
 * Settings of a scheduled job, which gearmand runs in the background at normal priority. Either
 * `at` or `delay` says when.
 */
export type ScheduleOptions = (
  | (Required<Pick<Schedule, 'at'>> & { readonly delay?: undefined })
  | (Required<Pick<Schedule, 'delay'>> & { readonly at?: undefined })
) &
  Omit<DoOptions, 'priority' | 'reducer' | 'onStatus' | 'onData' | 'onWarning'>
