export { Pull, type Source } from './calls/pull.js'
export { Refusal } from './calls/refusal.js'
export { isThenable } from './calls/thenable.js'
export { isWatched, traced } from './channels.js'
export {
  abortSignal,
  bool,
  type Check,
  type Checks,
  callback,
  isPlain,
  listOf,
  milliseconds,
  numberThat,
  OptionRules,
  oneOf,
  optionsOf,
  text,
  tlsOption,
  wholeNumber,
  wholeNumberFrom,
  wrong,
} from './checks/option-rules.js'
export { codeOf, messageOf, shown, shownName } from './checks/shown.js'
export {
  clearTimeout,
  every,
  monotonic,
  nextTick,
  setImmediate,
  setTimeout,
  sleep,
} from './clock.js'
export { PendingQueue } from './collections/pending-queue.js'
export { TransientMap } from './collections/transient-map.js'
export { TransientSet } from './collections/transient-set.js'
export {
  type AddressRules,
  parseServer,
  parseServers,
  type ServerAddress,
  type ServerObject,
  tlsFor,
} from './connection/address.js'
export { AnnouncedBytes } from './connection/announced-bytes.js'
export {
  Connection,
  type ConnectionOwner,
  type ConnectOptions,
} from './connection/connection.js'
export { Health, type HealthOwner } from './connection/health.js'
export { Output } from './connection/output.js'
export { kept, receiveBuffer } from './connection/receive-buffer.js'
export {
  type Resource,
  ResourcePool,
  type ResourcePoolOptions,
} from './connection/resource-pool.js'
export type { TlsOptions } from './connection/socket.js'
export {
  type ConnectionMetrics,
  Traffic,
  type TrafficMetrics,
  trafficMetrics,
} from './connection/traffic.js'
export { ErrorBase, type ErrorDetails } from './error-base.js'
export { Fault, type FaultKind } from './fault.js'
export { guarded, tell } from './guarded.js'
export { Histogram, type HistogramSummary } from './histogram.js'
export type { ServerReconnecting, ServerUp } from './server-events.js'
export { Backoff, type BackoffOptions, backOff } from './time/backoff.js'
export { Alarm, afterReads, Deadline, Deadlines, patiently } from './time/deadline.js'
export { type CloseOptions, endWithin } from './time/end-within.js'
export { onAbort, orAborted, reasonOf } from './time/on-abort.js'
export { latin1, utf8 } from './values/byte-text.js'
export { checksum } from './values/checksum.js'
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
} from './values/storable.js'
