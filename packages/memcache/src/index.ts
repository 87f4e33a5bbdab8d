export type {
  ConnectionMetrics,
  ServerAddress,
  ServerObject,
  TlsOptions,
  TrafficMetrics,
} from '@glammp/wire'
export type { NearOptions } from './cache-aside/near-cache.js'
export type { Tag } from './cache-aside/tag.js'
export type { WrapOptions } from './cache-aside/wrap-options.js'
export type { LoadMany } from './cache-aside.js'
export { type CommandMessage, channelNames } from './channels.js'
export { MemcacheClient } from './client.js'
export type { Admin, LruShares, PerServer } from './commands/admin.js'
export type { CountOptions } from './commands/arithmetic.js'
export type { ItemMetadata } from './commands/inspection.js'
export type { InvalidateOptions } from './commands/invalidation.js'
export type { KeysOptions } from './commands/key-listing.js'
export type { Meta } from './commands/meta.js'
export type { CallOptions } from './commands/route.js'
export type { GeneralStats, ServerStats } from './commands/server-stats.js'
export type {
  ConnsStats,
  ItemsStats,
  SettingsStats,
  SizesStats,
  SlabsStats,
  StatsBySection,
  StatsOf,
  StatsSection,
} from './commands/stats-section.js'
export type { CasResult, Entries, StoreOptions } from './commands/storage.js'
export type { WatchClass, WatchEvent, WatchOptions } from './commands/watch-log.js'
export type { CompatName, CompatOptions } from './compat.js'
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
export type { MemcacheEvents } from './events.js'
export type { Key } from './given-key.js'
export type {
  CommandMetrics,
  LatencyMetrics,
  MemcacheMetrics,
} from './metrics.js'
export type { GutterOptions, MemcacheOptions } from './options.js'
export type { MetaReply } from './protocol/meta-request.js'
export type { Credentials } from './protocol/request.js'
export type { ValueWithCas } from './protocol/retrieval.js'
export type { Distribution, DistributionFactory } from './routing/distribution.js'
export type { DistributionName } from './routing/named-distribution.js'
export type { EjectionOptions } from './servers/ejection.js'
export type { PoolOptions } from './servers/pool.js'
export type { Ttl } from './ttl.js'
export type { CompressionOptions } from './values/compression.js'
export type { CompressionAlgorithm, Compressor } from './values/compressor.js'
export type { PhpSerializerName } from './values/php-memcached-values.js'
export type { Serializer, SerializerName } from './values/serializers.js'
