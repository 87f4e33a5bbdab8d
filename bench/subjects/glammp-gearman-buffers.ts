import type { OpenJobs, OpenWorker } from '../subject.js'
import { openWith, openWorkerWith } from './glammp-gearman.js'

export const open: OpenJobs = openWith('buffer')
export const openWorker: OpenWorker = openWorkerWith('buffer')
