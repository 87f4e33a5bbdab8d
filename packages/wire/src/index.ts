export {
  type AddressRules,
  parseServer,
  parseServers,
  type ServerAddress,
  type ServerObject,
  tlsFor,
} from './address.js'
export { Backoff, type BackoffOptions } from './backoff.js'
export { latin1, utf8 } from './byte-text.js'
export { isWatched, traced } from './channels.js'
export {
  clearTimeout,
  every,
  monotonic,
  nextTick,
  setImmediate,
  setTimeout,
  sleep,
} from './clock.js'
export {
  Connection,
  type ConnectionOwner,
  type ConnectOptions,
  type TlsOptions,
} from './connection.js'
export { afterReads, Deadline, Deadlines, patiently } from './deadline.js'
export { ErrorBase, type ErrorDetails } from './error-base.js'
export { Fault, type FaultKind } from './fault.js'
export { guarded, tell } from './guarded.js'
export { Health, type HealthListener } from './health.js'
export { Histogram, type HistogramSummary } from './histogram.js'
export { onAbort, orAborted, reasonOf } from './on-abort.js'
export {
  abortSignal,
  bool,
  type Check,
  type Checks,
  callback,
  isPlain,
  listOf,
  milliseconds,
  OptionRules,
  oneOf,
  optionsOf,
  text,
  tlsOption,
  wholeNumber,
  wholeNumberFrom,
  wrong,
} from './option-rules.js'
export { Output } from './output.js'
export { PendingQueue } from './pending-queue.js'
export { kept, receiveBuffer } from './receive-buffer.js'
export { type Resource, ResourcePool, type ResourcePoolOptions } from './resource-pool.js'
export { shown, shownName } from './shown.js'
export {
  checkBigint,
  checkText,
  encodeUtf8,
  HOLDS_MAP,
  jsonText,
  MOST_DIGITS,
  NEEDS_REBUILD,
  PROTO_KEY,
  rebuild,
  storable,
  survey,
} from './storable.js'
export { isThenable } from './thenable.js'
export {
  type ConnectionMetrics,
  Traffic,
  type TrafficMetrics,
  trafficMetrics,
} from './traffic.js'
export { TransientMap } from './transient-map.js'
export { TransientSet } from './transient-set.js'
