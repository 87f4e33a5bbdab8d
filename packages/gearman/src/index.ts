export type {
  CloseOptions,
  ConnectionMetrics,
  ServerObject,
  ServerReconnecting,
  ServerUp,
  Source,
  TlsOptions,
  TrafficMetrics,
} from '@glammp/wire'
export {
  GearmanAdmin,
  type MaxQueue,
  type PerServer,
} from './admin/admin.js'
export type { ManyOptions, TaskOutput, TaskRequest } from './client/batch.js'
export type {
  BackgroundOptions,
  DoOptions,
  ForegroundOptions,
  Given,
  ScheduleOptions,
} from './client/call-types.js'
export { GearmanClient } from './client/client.js'
export type { JobOptions, Priority, Schedule } from './client/job-order.js'
export type { JobStatus, UniqueJobStatus } from './client/servers/query.js'
export { GearmanTask, type GearmanTaskEvents } from './client/task.js'
export type { Codec, CodecOption, Decoded, WithCodec } from './codec.js'
export {
  defineJob,
  type FunctionReference,
  type JobDefinition,
  type JobDefinitionOptions,
} from './definition.js'
export {
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
export { GearmanJob, type JobHandler } from './job.js'
export { channelNames, type JobMessage, type SubmitMessage } from './observing/channels.js'
export type { GearmanClientEvents, ServerDown } from './observing/events.js'
export type { FunctionMetrics, GearmanMetrics, LatencyMetrics } from './observing/metrics.js'
export type {
  CallOptions,
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
export type { TraceContext } from './protocol/trace-context.js'
export type { FunctionOptions } from './worker/functions.js'
export type { Middleware } from './worker/middleware.js'
export type { RateLimitOptions } from './worker/rate-limit.js'
export type { JobEnd, JobOutcome, JobUnsent } from './worker/run.js'
export {
  GearmanWorker,
  type GearmanWorkerEvents,
  type JobStart,
} from './worker/worker.js'
