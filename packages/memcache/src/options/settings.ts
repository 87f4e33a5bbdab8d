import {
  type AddressRules,
  bool,
  type Check,
  milliseconds,
  numberThat,
  OptionRules,
  oneOf,
  optionsOf,
  parseServer,
  parseServers,
  type ServerAddress,
  type ServerObject,
  type TlsOptions,
  text,
  tlsOption,
  wholeNumber,
  wholeNumberFrom,
  wrong,
} from '@glammp/wire'
import type { NearOptions } from '../cache-aside/near-cache.js'
import type { Credentials, ProtocolChoice } from '../protocol/protocol.js'
import type { DistributionFactory } from '../routing/distribution.js'
import { distributionFactory } from '../routing/named-distribution.js'
import type { EjectionOptions } from '../servers/availability/ejection.js'
import type { PoolOptions } from '../servers/connection/pool.js'
import type { DiscoveryOptions } from '../servers/discovery.js'
import type { Failover } from '../servers/failover.js'
import type { CompressionOptions } from '../values/compression.js'
import { createTranscoder, type Transcoder } from '../values/transcoder.js'
import { type Compat, readCompat } from './compat.js'
import type { GutterOptions, MemcacheOptions } from './options.js'

/** Options with every default filled in. */
export interface Settings {
  readonly servers: readonly ServerAddress[]
  readonly namespace: string
  readonly protocol: ProtocolChoice
  readonly distribution: DistributionFactory
  readonly pool: PoolOptions
  readonly timeout: number
  readonly connectTimeout: number
  readonly retries: number
  readonly maxPending: number
  readonly maxValueSize: number
  readonly longKeys: 'reject' | 'hash'
  readonly tls: TlsOptions | undefined
  readonly auth: Credentials | undefined
  readonly failover: Failover
  readonly ejection: EjectionOptions | undefined
  readonly discovery: DiscoveryOptions | undefined
  readonly transcoder: Transcoder
  /** Bytes of the largest value in chunks; `undefined`: values are not stored in chunks. */
  readonly largestInChunks: number | undefined
  readonly near: NearOptions | undefined
  readonly namespaceVersion: boolean
  /** The client of another language whose keys and values these are. */
  readonly compat: Compat | undefined
}

const ADDRESS_RULES: AddressRules = {
  defaultPort: 11_211,
  schemes: { memcached: { tls: false }, memcache: { tls: false }, memcacheds: { tls: true } },
}

const isBoolean = (value: unknown): boolean => typeof value === 'boolean'
const isText = (value: unknown): boolean => typeof value === 'string'
/** A value that is checked where it is read. */
const later: Check = (name, value) => {
  if (value === null) throw new TypeError(wrong(name, 'something', value))
}

/**
 * The known options and their valid values; options with a form of their own are checked where they
 * are read.
 */
const RULES = new OptionRules<MemcacheOptions>(
  {
    servers: later,
    namespace: text,
    protocol: oneOf('auto', 'meta', 'classic', 'binary'),
    distribution: later,
    compat: later,
    pool: optionsOf<PoolOptions>({ min: wholeNumberFrom(0), max: wholeNumberFrom(1) }),
    timeout: milliseconds,
    connectTimeout: milliseconds,
    retries: wholeNumberFrom(0),
    maxPending: wholeNumberFrom(1),
    maxValueSize: wholeNumberFrom(1),
    transcoder: later,
    compression: optionsOf<CompressionOptions>(
      { threshold: wholeNumberFrom(0), algorithm: later, maxSize: wholeNumberFrom(1) },
      'a boolean or ',
      isBoolean,
    ),
    largeValues: optionsOf({ maxSize: wholeNumberFrom(1) }, "'reject', 'chunk' or ", isText),
    longKeys: oneOf('reject', 'hash'),
    failover: optionsOf<GutterOptions>(
      { gutter: later, ttl: wholeNumberFrom(1) },
      "'none', 'next' or ",
      isText,
    ),
    ejection: optionsOf<EjectionOptions>({ failures: wholeNumberFrom(1), cooldown: milliseconds }),
    discovery: optionsOf<DiscoveryOptions>({ interval: milliseconds }, 'a boolean or ', isBoolean),
    tls: tlsOption,
    auth: credentials,
    near: optionsOf<NearOptions>({ max: wholeNumberFrom(1), ttl: later }),
    namespaceVersion: bool,
  },
  'servers or ',
)

/** Its errors show no value: it may be a password in the wrong place. */
function credentials(name: string, value: unknown): void {
  const text = `${name} is an object of username and password, both of them text`
  if (typeof value !== 'object' || value === null) throw new TypeError(text)
  const { username, password } = value as Partial<Credentials>
  if (typeof username !== 'string' || typeof password !== 'string') throw new TypeError(text)
  if (Object.keys(value).length > 2) throw new TypeError(text)
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError or RangeError for an invalid setting.
 */
export function readOptions(
  input: string | readonly (string | ServerObject)[] | MemcacheOptions = {},
): Settings {
  const isServers = typeof input === 'string' || Array.isArray(input)
  const options = (isServers ? { servers: input } : input) as MemcacheOptions
  RULES.check('a client', options)
  const { protocol = 'auto', longKeys = 'reject', tls, pool = {} } = options
  const compat = options.compat === undefined ? undefined : readCompat(options.compat)
  const { MEMCACHED_SERVERS: environment = '' } = process.env as { MEMCACHED_SERVERS?: string }
  const { min = 0 } = pool
  return {
    servers: readServers(options.servers ?? (environment.trim() || 'localhost')),
    namespace: options.namespace ?? '',
    protocol,
    distribution: distributionFactory(options.distribution ?? compat?.distribution ?? 'ketama'),
    pool: { min, max: wholeNumber('pool.max', pool.max ?? Math.max(2, min), Math.max(1, min)) },
    timeout: options.timeout ?? 1_000,
    connectTimeout: options.connectTimeout ?? 1_000,
    retries: options.retries ?? 1,
    maxPending: options.maxPending ?? 100_000,
    longKeys,
    tls: tls === true ? {} : tls === false ? undefined : tls,
    auth: options.auth,
    failover: readFailover(options.failover ?? 'none'),
    ejection: readEjection(options),
    discovery: readDiscovery(options.discovery),
    ...readValues(options, compat),
    near: readNear(options.near),
    namespaceVersion: options.namespaceVersion ?? false,
    compat,
  }
}

/** Reads servers as the constructor does. @throws TypeError if no server is named. */
export function readServers(
  servers: string | ServerObject | readonly (string | ServerObject)[],
): ServerAddress[] {
  return parseServers(servers, ADDRESS_RULES)
}

/** Reads one server. @throws TypeError if it is not a server. */
export function readServer(server: string | ServerObject): ServerAddress {
  return parseServer(server, ADDRESS_RULES)
}

/** A server of a cluster, reached in the same way as the endpoint that named it. */
export function nodeAddress(
  { host, port }: { readonly host: string; readonly port: number },
  { tls, username, password }: ServerAddress,
): ServerAddress {
  return readServer({ host, port, tls, username, password })
}

function readFailover(failover: NonNullable<MemcacheOptions['failover']>): Failover {
  if (failover === 'none' || failover === 'next') return { kind: failover }
  if (typeof failover !== 'object') {
    throw new TypeError(wrong('failover', "'none', 'next' or { gutter }", failover))
  }
  const { gutter, ttl = 10 } = failover
  if (gutter === undefined) throw new TypeError(wrong('failover.gutter', 'servers', gutter))
  if (ttl > 86_400) throw new RangeError('failover.ttl is at most a day: items go stale there')
  return { kind: 'gutter', servers: readServers(gutter), ttl }
}

function readEjection({ failover, ejection }: MemcacheOptions): EjectionOptions | undefined {
  if (ejection === undefined && (failover === undefined || failover === 'none')) return undefined
  return { failures: ejection?.failures ?? 3, cooldown: ejection?.cooldown ?? 1_000 }
}

const seconds = numberThat(
  'a number of seconds over 0',
  (value) => value > 0 && value < Number.POSITIVE_INFINITY,
)

function readNear(near: MemcacheOptions['near']): NearOptions | undefined {
  if (near === undefined) return undefined
  const { max, ttl } = near
  return { max: wholeNumber('near.max', max, 1), ttl: seconds('near.ttl', ttl) }
}

function readDiscovery(discovery: MemcacheOptions['discovery']): DiscoveryOptions | undefined {
  if (discovery === undefined || discovery === false) return undefined
  const { interval = 60_000 } = discovery === true ? {} : discovery
  return { interval }
}

/** Bytes of the largest value in chunks by default. */
const LARGEST_IN_CHUNKS = 64 * 1_048_576

function readValues(
  options: MemcacheOptions,
  compat: Compat | undefined,
): Pick<Settings, 'maxValueSize' | 'transcoder' | 'largestInChunks'> {
  const { transcoder, compression = false, largeValues } = options
  const { maxValueSize = 1_048_576 } = options
  const largestInChunks = readLargeValues(largeValues ?? 'reject')
  if (compat !== undefined) checkCompat(options)
  const composed = createTranscoder({
    serializer: transcoder ?? compat?.format ?? 'msgpack',
    compression: compression === true ? {} : compression || undefined,
    maxExpanded: Math.max(16 * maxValueSize, largestInChunks ?? 0),
  })
  return { maxValueSize, transcoder: composed, largestInChunks }
}

// Settings that other clients would misread are refused.
function checkCompat({ compression, largeValues, namespaceVersion }: MemcacheOptions): void {
  if (largeValues !== undefined && largeValues !== 'reject') {
    throw new TypeError('with compat there are no largeValues: other clients cannot read pieces')
  }
  if (namespaceVersion === true) {
    throw new TypeError('with compat there is no namespaceVersion: other clients cannot read tags')
  }
  const { algorithm = 'zlib' } = typeof compression === 'object' ? compression : {}
  if (algorithm !== 'zlib') {
    throw new TypeError("with compat, compression.algorithm is 'zlib', which other clients read")
  }
}

function readLargeValues(
  largeValues: NonNullable<MemcacheOptions['largeValues']>,
): number | undefined {
  if (largeValues === 'reject') return undefined
  if (largeValues === 'chunk') return LARGEST_IN_CHUNKS
  if (typeof largeValues === 'object') {
    return wholeNumber('largeValues.maxSize', largeValues.maxSize, 1)
  }
  throw new TypeError(wrong('largeValues', "'reject', 'chunk' or { maxSize }", largeValues))
}
