/**
 * The job type that log-queue-client.ts and log-queue-worker.ts share: the record, and how it
 * travels. JSON does what serialize() and unserialize() do in PHP, and other languages read it.
 */
import { defineJob, type JobDefinition } from '@glammp/gearman'

export interface LogRecord {
  readonly data: string
  readonly msg: string
}

export const logQueue: JobDefinition<LogRecord, void> = defineJob('log_queue', { codec: 'json' })
