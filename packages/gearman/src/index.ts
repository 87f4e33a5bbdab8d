export type {
  ConnectionMetrics,
  ServerObject,
  TlsOptions,
  TrafficMetrics,
} from '@glammp/wire'
export { type AdminCallOptions, GearmanAdmin, type MaxQueue, type PerServer } from './admin.js'
export type {
  BackgroundOptions,
  Decoded,
  DoOptions,
  ForegroundOptions,
  Given,
  ScheduleOptions,
  WithCodec,
} from './call-types.js'
export { channelNames, type JobMessage, type SubmitMessage } from './channels.js'
export { GearmanClient } from './client.js'
export type { Codec, CodecOption } from './codec.js'
export { defineJob, type JobDefinition, type JobDefinitionOptions } from './definition.js'
export {
  AbortError,
  ClosedError,
  ConnectionError,
  GearmanError,
  type GearmanErrorDetails,
  InvalidArgumentError,
  JobExceptionError,
  type JobExceptionErrorDetails,
  JobFailedError,
  JobFailure,
  NoServerError,
  ProtocolError,
  QueueFullError,
  ServerError,
  type ServerErrorDetails,
  SlowReaderError,
  TimeoutError,
} from './errors.js'
export type { GearmanClientEvents, ServerDown, ServerUp } from './events.js'
export { GearmanJob } from './job.js'
export type { FunctionReference, JobOptions, Priority, Schedule } from './job-order.js'
export type { FunctionOptions, JobHandler } from './jobs/functions.js'
export type { Middleware } from './jobs/middleware.js'
export type { RateLimitOptions } from './jobs/rate-limit.js'
export type { JobEnd, JobOutcome, JobUnsent } from './jobs/run.js'
export type { ManyOptions, TaskOutput, TaskRequest } from './many.js'
export type { FunctionMetrics, GearmanMetrics, LatencyMetrics } from './metrics.js'
export type {
  ConnectionOptions,
  GearmanAdminOptions,
  GearmanClientOptions,
  GearmanWorkerOptions,
  SandboxOptions,
  ServerList,
  ServersOption,
} from './options.js'
export type {
  ConnectedWorker,
  FunctionPriorities,
  FunctionStatus,
  QueuedJob,
} from './protocol/text-rows.js'
export type { Source } from './pull.js'
export type { JobStatus, UniqueJobStatus } from './servers/question.js'
export type { CallOptions } from './servers/request.js'
export { GearmanTask, type GearmanTaskEvents } from './task.js'
export type { TraceContext } from './trace-context.js'
export {
  type CloseOptions,
  GearmanWorker,
  type GearmanWorkerEvents,
  type JobStart,
} from './worker.js'
