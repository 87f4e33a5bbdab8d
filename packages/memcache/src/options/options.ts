import type { ServerObject, TlsOptions } from '@glammp/wire'
import type { NearOptions } from '../cache-aside/near-cache.js'
import type { Credentials, ProtocolChoice } from '../protocol/protocol.js'
import type { DistributionFactory } from '../routing/distribution.js'
import type { DistributionName } from '../routing/named-distribution.js'
import type { EjectionOptions } from '../servers/availability/ejection.js'
import type { PoolOptions } from '../servers/connection/pool.js'
import type { CompressionOptions } from '../values/compression.js'
import type { Serializer, SerializerName } from '../values/serializers.js'
import type { CompatName, CompatOptions } from './compat.js'

/** Options of `new MemcacheClient(...)`; all of them are optional. */
export interface MemcacheOptions {
  /**
   * The servers: one string (`'a:11211,b:11211'`, a `memcached://` or, for TLS, `memcacheds://`
   * URL, `'unix:/path'`), or an array of strings and objects.
   * @defaultValue the environment variable `MEMCACHED_SERVERS`, else `localhost:11211`
   */
  readonly servers?: string | readonly (string | ServerObject)[] | undefined
  /**
   * Put before every key on the wire; it counts against the 250 bytes of a key, and is not hashed
   * when the server of a key is chosen (as libmemcached does).
   * @defaultValue `''`
   */
  readonly namespace?: string | undefined
  /**
   * `'auto'` asks each server, and again when a connection to it was lost: `meta` if the server
   * knows it (memcached 1.6.10 and later), else `classic`, which proxies such as twemproxy speak;
   * with a password also `binary`, which is all that servers with SASL (`-S`) speak. The binary
   * protocol has neither `verbosity` nor the commands that need meta or a text line of their own.
   * @defaultValue `'auto'`
   */
  readonly protocol?: ProtocolChoice | undefined
  /**
   * Which server a key lives on: `'ketama'` is libmemcached's weighted ring; `'ketama-fixed'` the
   * same with shares that do not depend on the number of servers, so that a removed server moves
   * only its own keys; `'modula'` libmemcached's hash modulo the number of servers; or a function
   * of yours.
   * @defaultValue `'ketama'`
   */
  readonly distribution?: DistributionName | DistributionFactory | undefined
  /**
   * Shares keys and values with a client of another language: distribution, flags, serializer and
   * compression are what that client does by default, or with the settings given. `distribution`
   * and `transcoder` take precedence over it. Leases of `wrap` then live under keys of their own,
   * because other clients would read a key that is being loaded as an empty string; `stale` and
   * `refreshAhead` have no effect, `tags` and `largeValues` are a TypeError.
   * @defaultValue none
   */
  readonly compat?: CompatName | CompatOptions | undefined
  /**
   * Connections to each server. Calls are pipelined on one; another is opened when that one has
   * been silent for 10 ms with calls in flight, has more to send than the kernel takes, has a call
   * that ran out of time, or has 128 KB of answers under way. `keys` and `watch` have connections
   * of their own.
   * @defaultValue `{ min: 0, max: 2 }`; a `max` as large as `min` where that is over 2
   */
  readonly pool?: Partial<PoolOptions> | undefined
  /**
   * Milliseconds of silence after which a call is given up. They start with the call, and start
   * again while bytes of a large value, its own or an earlier one, move on the connection.
   * @defaultValue 1000
   */
  readonly timeout?: number | undefined
  /** Milliseconds for a new connection: name lookup, TCP, TLS. @defaultValue 1000 */
  readonly connectTimeout?: number | undefined
  /** How often a read whose connection was lost is sent again, within its timeout. @defaultValue 1 */
  readonly retries?: number | undefined
  /**
   * Calls that may wait for one server; more reject with QueueFullError. Those of a list, such as
   * the one of `setMany`, are not refused: above three quarters of it they wait.
   * @defaultValue 100000
   */
  readonly maxPending?: number | undefined
  /** Largest encoded value in bytes: the server's `-I`. @defaultValue 1048576 */
  readonly maxValueSize?: number | undefined
  /**
   * How values become bytes. `'msgpack'`: text and bytes as they are, numbers as text, everything
   * else by msgpackr. `'json'`: objects as JSON, which other languages read, with what JSON loses
   * (a Date comes back as text, a Map as an empty object). `'raw'`: text and bytes as they are,
   * read as a Buffer. Or a Serializer of yours.
   * @defaultValue `'msgpack'`
   */
  readonly transcoder?: SerializerName | Serializer | undefined
  /**
   * Compresses values over `threshold` bytes if that makes them smaller; `true` for zlib from 2000
   * bytes on. Off unless asked for, because strings and bytes are then not stored as they are, and
   * `append` and `prepend` are refused. Compressed values are read in any case (not with
   * `transcoder: 'raw'` or one of yours: those get what is stored).
   * @defaultValue `false`
   */
  readonly compression?: boolean | CompressionOptions | undefined
  /**
   * What becomes of values that do not fit an item of `maxValueSize`: a ValueTooLargeError, or they
   * are stored in chunks, up to 64 MiB or `maxSize` bytes. A value in chunks is read whole or is a
   * miss; every client that reads it needs this option too. `delete` and `touch` then read the item
   * first, `append` and `prepend` are refused, counters are not affected.
   * @defaultValue `'reject'`
   */
  readonly largeValues?: 'reject' | 'chunk' | { readonly maxSize: number } | undefined
  /**
   * A key that is over 250 bytes with its namespace (186 for bytes that are not text) is an
   * InvalidKeyError, or is sent as its SHA-256. Other keys are sent unchanged in either case.
   * @defaultValue `'reject'`
   */
  readonly longKeys?: 'reject' | 'hash' | undefined
  /**
   * Who takes the keys of a server that cannot be reached: `'none'` (calls reject), `'next'` (the
   * other servers, each its share), or a gutter: servers that are there for nothing else and keep
   * what they get for a short time. Reads and stores go there; deletes, counters, append, prepend
   * and cas never do.
   * @defaultValue `'none'`
   */
  readonly failover?: 'none' | 'next' | GutterOptions | undefined
  /**
   * A server that fails `failures` times in a row gets no calls until it has answered a probe,
   * first made after `cooldown` milliseconds.
   * @defaultValue none; with a failover `{ failures: 3, cooldown: 1000 }`
   */
  readonly ejection?: Partial<EjectionOptions> | undefined
  /**
   * The servers are configuration endpoints (ElastiCache, Memorystore): they are asked for the
   * servers of the cluster, every `interval` milliseconds and when a server fails.
   * @defaultValue off; `true` for an interval of 60000
   */
  readonly discovery?: boolean | { readonly interval?: number | undefined } | undefined
  /** TLS to every server, with the settings of `node:tls`; `true` for the defaults. */
  readonly tls?: TlsOptions | boolean | undefined
  /**
   * User name and password for all servers that have none of their own (in their URL, or as
   * `username` and `password` of their object). SASL PLAIN on the binary protocol, the handshake of
   * `-Y` on the text protocols; both send the password unencrypted, so use TLS. If a server refuses
   * them, or asks for none, every call to it fails with an AuthenticationError.
   */
  readonly auth?: Credentials | undefined
  /**
   * Keeps up to `max` values that `wrap` and `wrapMany` returned in the process, each for `ttl`
   * seconds (fractions count) at most. Changes by this client are seen at once, those by other
   * processes when `ttl` is over. All callers get the same object: do not change it.
   * @defaultValue off
   */
  readonly near?: NearOptions | undefined
  /**
   * Makes every value of `wrap` depend on a version of the namespace, so that
   * `invalidateNamespace()` works, like a tag on everything.
   * @defaultValue false
   */
  readonly namespaceVersion?: boolean | undefined
}

/** Servers that stand in for one that cannot be reached. */
export interface GutterOptions {
  /** In the same form as `servers`. */
  readonly gutter: string | readonly (string | ServerObject)[]
  /** Seconds that items live there at most. @defaultValue 10 */
  readonly ttl?: number | undefined
}
