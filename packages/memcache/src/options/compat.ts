import { shownName, wrong } from '@glammp/wire'
import type { DistributionFactory } from '../routing/distribution.js'
import { dalliRing } from '../routing/foreign/dalli-ring.js'
import { peclRing, peclStandard } from '../routing/foreign/pecl-ring.js'
import { modula } from '../routing/modula.js'
import { rendezvous } from '../routing/rendezvous.js'
import { ketama } from '../routing/ring.js'
import { DALLI_COMPRESSED, dalliValues } from '../values/foreign/dalli-values.js'
import {
  PHP_MEMCACHE_COMPRESSED,
  phpMemcacheValues,
} from '../values/foreign/php-memcache-values.js'
import {
  type PhpSerializerName,
  phpMemcachedValues,
} from '../values/foreign/php-memcached-values.js'
import { PYTHON_COMPRESSED, pythonValues } from '../values/foreign/python-values.js'
import type { ForeignFormat } from '../values/transcoder.js'

/** The clients of other languages that this one can be compatible with. */
export type CompatName = 'php-memcached' | 'php-memcache' | 'pylibmc' | 'pymemcache' | 'dalli'

/** Another client with the settings that it runs with. */
export interface CompatOptions {
  /** Which client. */
  readonly name: CompatName
  /**
   * `'php-memcached'` and `'pylibmc'`: keys are placed by libmemcached's weighted ring
   * (`OPT_LIBKETAMA_COMPATIBLE`; `ketama_weighted`) in place of hash modulo.
   * @defaultValue `false`
   */
  readonly ketama?: boolean | undefined
  /**
   * `'php-memcached'`: how arrays and objects are written (`OPT_SERIALIZER`); all four are read.
   * @defaultValue `'php'`, which every php-memcached reads
   */
  readonly serializer?: PhpSerializerName | undefined
  /**
   * `'php-memcache'`: the ini setting `memcache.hash_strategy`.
   * @defaultValue `'consistent'`
   */
  readonly strategy?: 'consistent' | 'standard' | undefined
}

/** The parts of a client's behaviour that compatibility with another one determines. */
export interface Compat {
  readonly distribution: DistributionFactory
  readonly format: ForeignFormat
  /** True if the namespace is hashed with the key. */
  readonly hashesNamespace: boolean
}

type Setting = Exclude<keyof CompatOptions, 'name'>

/** The settings that each client has. */
const SETTINGS: Readonly<Record<CompatName, readonly Setting[]>> = {
  'php-memcached': ['ketama', 'serializer'],
  'php-memcache': ['strategy'],
  pylibmc: ['ketama'],
  pymemcache: [],
  dalli: [],
}

const SERIALIZERS: readonly PhpSerializerName[] = ['php', 'igbinary', 'json', 'msgpack']

/** @throws TypeError for an unknown client or setting. */
export function readCompat(choice: CompatName | CompatOptions): Compat {
  const options = typeof choice === 'string' ? { name: choice } : choice
  if (
    typeof options !== 'object' ||
    typeof options?.name !== 'string' ||
    !Object.hasOwn(SETTINGS, options.name)
  ) {
    const names = Object.keys(SETTINGS).join(', ')
    throw new TypeError(wrong('compat', `one of ${names}, or { name, ... }`, choice))
  }
  const { name, ketama: isKetama = false, serializer = 'php', strategy = 'consistent' } = options
  for (const setting of Object.keys(options)) {
    if (setting === 'name' || SETTINGS[name].includes(setting as Setting)) continue
    throw new TypeError(`compat '${name}' has no setting${shownName(setting)}`)
  }
  if (typeof isKetama !== 'boolean') throw new TypeError('compat.ketama is a boolean')
  if (!SERIALIZERS.includes(serializer)) {
    throw new TypeError(wrong('compat.serializer', `one of ${SERIALIZERS.join(', ')}`, serializer))
  }
  if (strategy !== 'consistent' && strategy !== 'standard') {
    throw new TypeError(wrong('compat.strategy', "'consistent' or 'standard'", strategy))
  }
  return {
    distribution: DISTRIBUTIONS[name](isKetama, strategy),
    format: FORMATS[name](serializer),
    hashesNamespace: name === 'dalli',
  }
}

const libmemcached = (isKetama: boolean): DistributionFactory => (isKetama ? ketama : modula)

const DISTRIBUTIONS: Readonly<
  Record<CompatName, (isKetama: boolean, strategy: string) => DistributionFactory>
> = {
  'php-memcached': libmemcached,
  'php-memcache': (_ketama, strategy) => (strategy === 'standard' ? peclStandard : peclRing),
  pylibmc: libmemcached,
  pymemcache: () => rendezvous,
  dalli: () => dalliRing,
}

const python: ForeignFormat = { values: pythonValues, streamFlag: PYTHON_COMPRESSED }

const FORMATS: Readonly<Record<CompatName, (serializer: PhpSerializerName) => ForeignFormat>> = {
  'php-memcached': (serializer) => ({ values: phpMemcachedValues(serializer) }),
  'php-memcache': () => ({ values: phpMemcacheValues, streamFlag: PHP_MEMCACHE_COMPRESSED }),
  pylibmc: () => python,
  pymemcache: () => python,
  dalli: () => ({ values: dalliValues, streamFlag: DALLI_COMPRESSED }),
}
