import {
  type AddressRules,
  milliseconds,
  parseServer,
  parseServers,
  type ServerAddress,
  type ServerObject,
  type TlsOptions,
  wholeNumber,
} from '@glammp/wire'
import type { NearOptions } from './cache-aside/near-cache.js'
import { type Compat, readCompat } from './compat.js'
import type { MemcacheOptions } from './options.js'
import type { Credentials } from './protocol/request.js'
import type { DistributionFactory } from './routing/distribution.js'
import { distributionFactory } from './routing/named-distribution.js'
import type { DiscoveryOptions } from './servers/discovery.js'
import type { EjectionOptions } from './servers/ejection.js'
import type { Failover } from './servers/failover.js'
import type { PoolOptions } from './servers/pool.js'
import { createTranscoder, type Transcoder } from './values/transcoder.js'

/** Options with every default filled in. */
export interface Settings {
  readonly servers: readonly ServerAddress[]
  readonly namespace: string
  readonly protocol: 'auto' | 'meta' | 'classic' | 'binary'
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
  /** Bytes of the largest value in chunks; `undefined`: there are none. */
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

const PROTOCOLS = ['auto', 'meta', 'classic', 'binary'] as const

/** Every option there is: a name that is misspelt must not silently be a default. */
const OPTIONS: Readonly<Record<keyof MemcacheOptions, true>> = {
  servers: true,
  namespace: true,
  protocol: true,
  distribution: true,
  pool: true,
  timeout: true,
  connectTimeout: true,
  retries: true,
  maxPending: true,
  maxValueSize: true,
  longKeys: true,
  tls: true,
  auth: true,
  failover: true,
  ejection: true,
  discovery: true,
  transcoder: true,
  compression: true,
  largeValues: true,
  near: true,
  namespaceVersion: true,
  compat: true,
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError or RangeError for a setting that cannot be.
 */
export function readOptions(
  input: string | readonly (string | ServerObject)[] | MemcacheOptions = {},
): Settings {
  const isServers = typeof input === 'string' || Array.isArray(input)
  if (!isServers && (typeof input !== 'object' || input === null)) {
    throw new TypeError(`a client takes servers or options; not ${input}`)
  }
  const options = (isServers ? { servers: input } : input) as MemcacheOptions
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(OPTIONS, name)) throw new TypeError(`there is no option '${name}'`)
  }
  const { protocol = 'auto', longKeys = 'reject', tls, pool = {} } = options
  const compat = options.compat === undefined ? undefined : readCompat(options.compat)
  const { MEMCACHED_SERVERS: environment } = process.env as { MEMCACHED_SERVERS?: string }
  const min = wholeNumber('pool.min', pool.min ?? 0, 0)
  if (!PROTOCOLS.includes(protocol)) {
    throw new TypeError(`protocol is one of ${PROTOCOLS.join(', ')}; not '${protocol}'`)
  }
  if (longKeys !== 'reject' && longKeys !== 'hash') {
    throw new TypeError(`longKeys is 'reject' or 'hash'; not '${longKeys}'`)
  }
  return {
    servers: readServers(options.servers ?? (environment || 'localhost')),
    namespace: options.namespace ?? '',
    protocol,
    distribution: distributionFactory(options.distribution ?? compat?.distribution ?? 'ketama'),
    pool: { min, max: wholeNumber('pool.max', pool.max ?? Math.max(2, min), Math.max(1, min)) },
    timeout: milliseconds('timeout', options.timeout ?? 1_000),
    connectTimeout: milliseconds('connectTimeout', options.connectTimeout ?? 1_000),
    retries: wholeNumber('retries', options.retries ?? 1, 0),
    maxPending: wholeNumber('maxPending', options.maxPending ?? 100_000, 1),
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

/** Reads servers as the constructor does. @throws TypeError for what names none. */
export function readServers(
  servers: string | ServerObject | readonly (string | ServerObject)[],
): ServerAddress[] {
  return parseServers(servers, ADDRESS_RULES)
}

/** Reads one server. @throws TypeError for what is none. */
export function readServer(server: string | ServerObject): ServerAddress {
  return parseServer(server, ADDRESS_RULES)
}

/** A server of a cluster, reached as the endpoint that told of it. */
export function nodeAddress(
  { host, port }: { readonly host: string; readonly port: number },
  { tls, username, password }: ServerAddress,
): ServerAddress {
  return readServer({ host, port, tls, username, password })
}

function readFailover(failover: NonNullable<MemcacheOptions['failover']>): Failover {
  if (failover === 'none' || failover === 'next') return { kind: failover }
  if (typeof failover !== 'object') {
    throw new TypeError(`failover is 'none', 'next' or { gutter }; not '${failover}'`)
  }
  const ttl = wholeNumber('failover.ttl', failover.ttl ?? 10, 1)
  if (ttl > 86_400) throw new RangeError('failover.ttl is a day at most, for items go stale there')
  return { kind: 'gutter', servers: readServers(failover.gutter), ttl }
}

function readEjection({ failover, ejection }: MemcacheOptions): EjectionOptions | undefined {
  if (ejection === undefined && (failover === undefined || failover === 'none')) return undefined
  return {
    failures: wholeNumber('ejection.failures', ejection?.failures ?? 3, 1),
    cooldown: milliseconds('ejection.cooldown', ejection?.cooldown ?? 1_000),
  }
}

function readNear(near: MemcacheOptions['near']): NearOptions | undefined {
  if (near === undefined) return undefined
  const { max, ttl } = near
  if (typeof ttl !== 'number' || !(ttl > 0)) {
    throw new RangeError(`near.ttl is a number of seconds over 0; not ${ttl}`)
  }
  return { max: wholeNumber('near.max', max, 1), ttl }
}

function readDiscovery(discovery: MemcacheOptions['discovery']): DiscoveryOptions | undefined {
  if (discovery === undefined || discovery === false) return undefined
  const { interval = 60_000 } = discovery === true ? {} : discovery
  return { interval: milliseconds('discovery.interval', interval) }
}

/** Bytes of the largest value in chunks, unless told otherwise. */
const LARGEST_IN_CHUNKS = 64 * 1_048_576

function readValues(
  options: MemcacheOptions,
  compat: Compat | undefined,
): Pick<Settings, 'maxValueSize' | 'transcoder' | 'largestInChunks'> {
  const { transcoder, compression = false, largeValues } = options
  const maxValueSize = wholeNumber('maxValueSize', options.maxValueSize ?? 1_048_576, 1)
  const largestInChunks = readLargeValues(largeValues ?? 'reject')
  if (typeof compression !== 'boolean' && (typeof compression !== 'object' || !compression)) {
    throw new TypeError(`compression is a boolean or its settings; not '${compression}'`)
  }
  if (compat !== undefined) checkCompat(options)
  const composed = createTranscoder({
    serializer: transcoder ?? compat?.format ?? 'msgpack',
    compression: compression === true ? {} : compression || undefined,
    maxExpanded: Math.max(16 * maxValueSize, largestInChunks ?? 0),
  })
  return { maxValueSize, transcoder: composed, largestInChunks }
}

// What other clients could only misread is refused.
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
  throw new TypeError(`largeValues is 'reject', 'chunk' or { maxSize }; not '${largeValues}'`)
}
