export type {
  CloseOptions,
  ConnectionMetrics,
  ServerAddress,
  ServerObject,
  ServerReconnecting,
  ServerUp,
  TlsOptions,
  TrafficMetrics,
} from '@glammp/wire'
export type { LoadMany } from './cache-aside/cache-aside.js'
export type { NearOptions } from './cache-aside/near-cache.js'
export type { Tag } from './cache-aside/tag.js'
export type { WrapOptions } from './cache-aside/wrap-options.js'
export { MemcacheClient } from './client.js'
export type { Admin, LruShares, PerServer } from './commands/admin.js'
export type { CountOptions } from './commands/arithmetic.js'
export type { ItemMetadata } from './commands/inspection.js'
export type { KeysOptions } from './commands/key-listing.js'
export type { Meta } from './commands/meta.js'
export type { GeneralStats, ServerStats } from './commands/stats/server-stats.js'
export type {
  ConnsStats,
  ItemsStats,
  SettingsStats,
  SizesStats,
  SlabsStats,
  StatsBySection,
  StatsOf,
  StatsSection,
} from './commands/stats/stats-section.js'
export type { CasResult, Entries, StoreOptions } from './commands/storage.js'
export type { WatchClass, WatchEvent, WatchOptions } from './commands/watch-log.js'
export type { CallOptions } from './dispatch/route.js'
export {
  AuthenticationError,
  ClientError,
  ClosedError,
  ConnectionError,
  DecodeError,
  EncodeError,
  InvalidKeyError,
  MemcacheError,
  type MemcacheErrorDetails,
  NoServerError,
  ProtocolError,
  QueueFullError,
  ServerError,
  TimeoutError,
  ValueTooLargeError,
} from './errors.js'
export type { Key } from './key.js'
export type { Ttl } from './keys/ttl.js'
export type { InvalidateOptions } from './leases/invalidation.js'
export { type CommandMessage, channelNames } from './observing/channels.js'
export type { MemcacheEvents, RefreshFailed, ServerDown } from './observing/events.js'
export type {
  CommandMetrics,
  LatencyMetrics,
  MemcacheMetrics,
} from './observing/metrics.js'
export type { CompatName, CompatOptions } from './options/compat.js'
export type { GutterOptions, MemcacheOptions } from './options/options.js'
export type { Credentials } from './protocol/protocol.js'
export type { MetaReply } from './requests/meta-request.js'
export type { ValueWithCas } from './requests/retrieval.js'
export type { Distribution, DistributionFactory } from './routing/distribution.js'
export type { DistributionName } from './routing/named-distribution.js'
export type { EjectionOptions } from './servers/availability/ejection.js'
export type { PoolOptions } from './servers/connection/pool.js'
export type { CompressionOptions } from './values/compression.js'
export type { CompressionAlgorithm } from './values/compressor.js'
export type { PhpSerializerName } from './values/foreign/php-memcached-values.js'
export type { Compressor } from './values/foreign-compressor.js'
export type { Serializer, SerializerName } from './values/serializers.js'
