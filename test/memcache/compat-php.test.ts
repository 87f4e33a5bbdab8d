import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { test as base } from '../support/memcache.js'
import type { MemcachedServer } from '../support/memcached.js'
import { hasPhpExtension, hasPhpMemcached, inPhp } from '../support/php.js'
import { hasBinary } from '../support/server-source.js'

/** Runs code on a client of theirs, which `start` makes of the servers. */
const runner =
  (start: string, servers: readonly MemcachedServer[]) =>
  <T>(code: string, input: object = {}): Promise<T> =>
    inPhp<T>([], `${start} ${code}`, {
      servers: servers.map(({ host, port }) => [host, port]),
      ...input,
    })

const test = base
  .extend('client', { scope: 'file' }, ({ addresses }) => {
    return (options: MemcacheOptions): MemcacheClient =>
      new MemcacheClient({ servers: addresses, ...options })
  })
  .extend('run', { scope: 'file' }, ({ servers }) =>
    runner("$m = new Memcached(); $m->addServers($in['servers']);", servers),
  )
  .extend('runOlder', { scope: 'file' }, ({ servers }) =>
    runner(
      "$m = new Memcache(); foreach ($in['servers'] as $s) $m->addServer($s[0], $s[1]);",
      servers,
    ),
  )

/** Values that both sides have, in PHP and here. */
const SHARED = `[
  'text' => 'olá ☃', 'bytes' => "\\xff\\x00", 'empty' => '', 'int' => -7, 'large' => PHP_INT_MAX,
  'real' => 0.1 + 0.2, 'inf' => -INF, 'yes' => true, 'no' => false, 'null' => null,
  'list' => [1, 'a', null, 1.5, [true, []]], 'map' => ['u' => ['id' => 7, 'tags' => ['x', 'y']], 'ok' => true],
  'sparse' => [3 => 'c', 'k' => PHP_INT_MIN], 'date' => new DateTime('2020-01-02 03:04:05.678 UTC'),
]`
const EXPECTED: Record<string, unknown> = {
  text: 'olá ☃',
  bytes: Buffer.from([0xff, 0]),
  empty: '',
  int: -7,
  large: 2n ** 63n - 1n,
  real: 0.1 + 0.2,
  inf: -Infinity,
  yes: true,
  no: false,
  null: null,
  list: [1, 'a', null, 1.5, [true, []]],
  map: { u: { id: 7, tags: ['x', 'y'] }, ok: true },
  sparse: { 3: 'c', k: -(2n ** 63n) },
  date: new Date('2020-01-02T03:04:05.678Z'),
}

/** Compares in PHP, whose own values are there; the names of those that differ. */
const differing = (read: string): string => `
  $shared = ${SHARED}; $wrong = [];
  foreach ($shared as $k => $v) {
    $got = ${read};
    $same = $v instanceof DateTime ? $got == $v && $got instanceof DateTime : $got === $v;
    if (!$same) $wrong[] = $k . ' is ' . var_export($got, true);
  }
  return $wrong;`

describe.skipIf(!hasPhpMemcached)("PHP's Memcached, as it is by default", () => {
  test.for(['SERIALIZER_PHP', 'SERIALIZER_IGBINARY'])(
    'writes by %s what we read, each where we look',
    async (serializer, { client, run }) => {
      await run(`$m->setOption(Memcached::OPT_SERIALIZER, Memcached::${serializer});
        foreach (${SHARED} as $k => $v) $m->set("${serializer}:$k", $v); return 1;`)
      await using cache = client({ compat: 'php-memcached', namespace: `${serializer}:` })
      // Its OPT_PREFIX_KEY is not hashed, a prefix that the application writes is.
      await using alike = client({ compat: 'php-memcached' })
      for (const [key, value] of Object.entries(EXPECTED)) {
        expect(await alike.get(`${serializer}:${key}`), key).toEqual(value)
      }
      await run(`$m->setOption(Memcached::OPT_SERIALIZER, Memcached::${serializer});
        $m->setOption(Memcached::OPT_PREFIX_KEY, '${serializer}:');
        foreach (${SHARED} as $k => $v) $m->set($k, $v); return 1;`)
      const found = await cache.getMany(Object.keys(EXPECTED))
      expect(Object.fromEntries(found)).toEqual(EXPECTED)
    },
  )

  test.for(['php', 'igbinary'] as const)(
    'reads what we write by %s',
    async (serializer, { client, run }) => {
      await using cache = client({ compat: { name: 'php-memcached', serializer } })
      expect(await cache.setMany(EXPECTED)).toBe(Object.keys(EXPECTED).length)
      expect(await run(differing('$m->get($k)'))).toEqual([])
      expect(await cache.getMany(Object.keys(EXPECTED))).toEqual(new Map(Object.entries(EXPECTED)))
    },
  )

  test('sets OPT_USER_FLAGS that change nothing of what we read', async ({ client, run }) => {
    const flags = [1, 2, 3, 4, 5, 7, 8, 0x1000, 0x2000, 0x4000, 0x7fff, 0x8000, 0xffff]
    const serializers = ['PHP', 'IGBINARY', 'JSON_ARRAY', 'MSGPACK']
    await run(
      `foreach ($in['serializers'] as $s) {
         $m->setOption(Memcached::OPT_SERIALIZER, constant("Memcached::SERIALIZER_$s"));
         foreach ($in['flags'] as $f) {
           $m->setOption(Memcached::OPT_USER_FLAGS, $f);
           $values = ['t' => 'text', 'b' => "\\xff", 'e' => '', 'i' => 12, 'l' => PHP_INT_MAX, 'd' => 1.5, 'y' => true,
             'f' => false, 'n' => null, 'a' => ['k' => 1], 'z' => str_repeat('long ', 1000)];
           foreach ($values as $k => $v) $m->set("$s:$f:$k", $v);
         }
       }
       return 1;`,
      { flags, serializers },
    )
    const common = { t: 'text', e: '', i: 12, d: 1.5, y: true, f: false, n: null, a: { k: 1 } }
    const php = { ...common, b: Buffer.from([0xff]), l: 2n ** 63n - 1n, z: 'long '.repeat(1_000) }
    await using alike = client({ compat: 'php-memcached' })
    await using plain = client({ distribution: 'modula' })
    for (const [cache, values] of [
      [alike, php],
      [plain, common],
    ] as const) {
      for (const prefix of serializers.flatMap((s) => flags.map((f) => `${s}:${f}:`))) {
        for (const [key, value] of Object.entries(values)) {
          expect(await cache.get(prefix + key), prefix + key).toStrictEqual(value)
        }
        expect(await cache.wrap(`${prefix}n`, () => 'loaded')).toBe(null)
      }
    }
  })

  test.for(['json', 'msgpack'] as const)(
    'reads objects that we write by %s',
    async (serializer, { client, run }) => {
      await using cache = client({ compat: { name: 'php-memcached', serializer } })
      await cache.set('object', { a: [1, 'é', null, true], b: { c: 1.5 } })
      const read = await run<unknown>("return $m->get('object');")
      expect(read).toEqual({ a: [1, 'é', null, true], b: { c: 1.5 } })
      expect(await cache.get('object')).toEqual(read)
    },
  )

  test.for(['FASTLZ', 'ZLIB'])('compresses by %s what we expand', async (type, { client, run }) => {
    await run(`$m->setOption(Memcached::OPT_COMPRESSION_TYPE, Memcached::COMPRESSION_${type});
      $m->set('short', str_repeat('The quick brown fox. ', 200));
      $m->set('long', implode(',', range(1, 60000)));
      $m->set('list', array_fill(0, 3000, 'the same again'));
      return 1;`)
    await using cache = client({ compat: 'php-memcached' })
    const numbers = Array.from({ length: 60_000 }, (_, index) => index + 1)
    expect(await cache.get('short')).toBe('The quick brown fox. '.repeat(200))
    expect((await cache.get('long')) === numbers.join(',')).toBe(true)
    expect(await cache.get('list')).toEqual(new Array(3_000).fill('the same again'))
    expect(await cache.inspect('long')).toMatchObject({ size: expect.any(Number) })
    expect((await cache.inspect('list'))?.size).toBeLessThan(30_000)
  })

  test('reads what we compress', async ({ client, run }) => {
    await using cache = client({ compat: 'php-memcached', compression: true })
    await cache.set('text', 'é'.repeat(20_000))
    await cache.set('list', new Array(3_000).fill({ a: 1 }))
    expect((await cache.inspect('list'))?.size).toBeLessThan(10_000)
    const read = `return [$m->get('text') === str_repeat('é', 20000), $m->get('list') === array_fill(0, 3000, ['a' => 1])];`
    expect(await run(read)).toEqual([true, true])
  })

  test('with its ketama mode, igbinary and all its flags, in one word', async ({ client, run }) => {
    const compat = { name: 'php-memcached', ketama: true, serializer: 'igbinary' } as const
    await using cache = client({ compat })
    const keys = Array.from({ length: 200 }, (_, index) => `k:${index}`)
    await cache.setMany(keys.map((key) => [key, { key }]))
    const read = await run<unknown>(
      `$m->setOption(Memcached::OPT_LIBKETAMA_COMPATIBLE, true);
       $m->setOption(Memcached::OPT_SERIALIZER, Memcached::SERIALIZER_IGBINARY);
       $r = []; foreach ($in['keys'] as $k) $r[] = $m->get($k); return $r;`,
      { keys },
    )
    expect(read).toEqual(keys.map((key) => ({ key })))
  })

  test('a key that wrap is loading is a miss to PHP, never an empty string', async ({
    client,
    run,
  }) => {
    await using cache = client({ compat: 'php-memcached' })
    let seen: unknown
    const value = await cache.wrap('loading', async () => {
      seen = await run(
        "$m->get('loading'); return $m->getResultCode() === Memcached::RES_NOTFOUND;",
      )
      return [1, 2]
    })
    expect(seen).toBe(true)
    expect(value).toEqual([1, 2])
    expect(await run("return $m->get('loading');")).toEqual([1, 2])
    expect(await cache.wrap('empty-list', () => '', { ttl: 60 })).toBe('')
    expect(await run("return $m->get('empty-list');")).toBe('')
  })

  // PHP refuses a line feed in a key of any kind.
  test.skipIf(!hasBinary).for([false, true])(
    'finds binary keys over its binary protocol (ketama %s)',
    async (ketama, { client, run }) => {
      const keys = [
        ...Array.from({ length: 256 }, (_, byte) => Buffer.from([0, byte, 255 - byte, 32])),
        Buffer.alloc(180, '\0 \r'),
        Buffer.from('é \x7f'),
      ].filter((key) => !key.includes('\n'))
      const encoded = keys.map((key) => key.toString('base64'))
      const binary = `$m->setOption(Memcached::OPT_BINARY_PROTOCOL, true);
      $m->setOption(Memcached::OPT_PREFIX_KEY, 'bin:');
      ${ketama ? '$m->setOption(Memcached::OPT_LIBKETAMA_COMPATIBLE, true);' : ''}`
      await using cache = client({ compat: { name: 'php-memcached', ketama }, namespace: 'bin:' })
      await cache.setMany(keys.map((key, index) => [key, index]))
      const read = await run<[unknown[], number[]]>(
        `${binary} $read = $ports = [];
       foreach ($in['keys'] as $k) {
         $read[] = $m->get(base64_decode($k));
         $ports[] = $m->getServerByKey(base64_decode($k))['port'];
         $m->set(base64_decode($k), $k);
       }
       return [$read, $ports];`,
        { keys: encoded },
      )
      expect(read[0]).toEqual([...keys.keys()])
      expect(read[1]).toEqual(keys.map((key) => Number(cache.serverFor(key).split(':')[1])))
      expect([...(await cache.getMany(keys))]).toEqual(keys.map((key, at) => [key, encoded[at]]))
      const fresh = Buffer.from('wrapped \0')
      expect(await cache.wrap(fresh, () => 'loaded')).toBe('loaded')
      const seen = await run(`${binary} return $m->get("wrapped \\0");`)
      expect(seen).toBe('loaded')
    },
  )

  test('counters count on both sides', async ({ client, run }) => {
    await using cache = client({ compat: 'php-memcached' })
    await run("$m->set('counter', 10); return $m->increment('counter', 5);")
    expect(await cache.increment('counter')).toBe(16)
    expect(await cache.decrement('counter', 7)).toBe(9)
    expect(await run("return $m->get('counter');")).toBe(9)
    await cache.increment('ours', 1, { initial: 5 })
    expect(await run("return $m->get('ours');")).toBe(5)
  })
})

const memcache = hasPhpMemcached && (await hasPhpExtension('memcache'))
describe.skipIf(!memcache)("PHP's older Memcache", () => {
  // It writes reals by the ini setting `precision`, which loses digits.
  const { real: _real, inf: _inf, ...exact } = EXPECTED

  test('writes what we read, and reads what we write, each where the other looks', async ({
    client,
    runOlder,
  }) => {
    await using cache = client({ compat: 'php-memcache' })
    await runOlder(`foreach (${SHARED} as $k => $v) $m->set("old:$k", $v); return 1;`)
    for (const [key, value] of Object.entries(exact)) {
      expect(await cache.get(`old:${key}`), key).toEqual(value)
    }
    expect(await cache.get('old:real')).toBe(0.3)
    await cache.setMany(EXPECTED)
    // Its own null reads as false too.
    expect(await runOlder(differing('$m->get($k)'))).toEqual(['null is false'])
  })

  test('compresses what we expand, and expands what we compress', async ({ client, runOlder }) => {
    await using cache = client({ compat: 'php-memcache', compression: true })
    await runOlder(`$m->set('big', str_repeat('fox ', 3000), MEMCACHE_COMPRESSED);
      $m->set('list', array_fill(0, 2000, 'a'), MEMCACHE_COMPRESSED); return 1;`)
    expect(await cache.get('big')).toBe('fox '.repeat(3_000))
    expect(await cache.get('list')).toEqual(new Array(2_000).fill('a'))
    await cache.set('ours', ['x'.repeat(50_000)])
    expect((await cache.inspect('ours'))?.size).toBeLessThan(5_000)
    expect(await runOlder("return $m->get('ours') === [str_repeat('x', 50000)];")).toBe(true)
  })

  test.for(['consistent', 'standard'] as const)(
    'agrees on the server of 2,000 keys, with weights, by its strategy %s',
    async (strategy, { client }) => {
      const fleet = [1, 2, 3, 5].map((weight, index) => ({
        host: `127.0.0.${index + 1}`,
        port: index === 2 ? 11_212 : 11_211,
        weight,
      }))
      await using cache = client({ servers: fleet, compat: { name: 'php-memcache', strategy } })
      const keys = Array.from({ length: 2_000 }, (_, index) => `key:${index}`)
      const theirs = await inPhp<string[]>(
        [],
        `ini_set('memcache.hash_strategy', '${strategy}'); $m = new Memcache();
         foreach ($in['fleet'] as $s) $m->addServer($s['host'], $s['port'], false, $s['weight'], 1, 15, false);
         return array_map(fn ($k) => $m->findServer($k), $in['keys']);`,
        { fleet, keys },
      )
      expect(keys.map((key) => cache.serverFor(key))).toEqual(theirs)
    },
  )
})

test('the keys and values of other languages', async ({ client, addresses }) => {
  const servers = addresses[0]
  await using php = client({ servers, compat: 'php-memcached' })
  await using cache = client({ servers })
  await php.set('php', { u: [1, 'x'] })
  const stored = (await cache.meta.get('php', 'v f')).value
  expect(stored?.toString()).toBe('a:1:{s:1:"u";a:2:{i:0;i:1;i:1;s:1:"x";}}')
  expect(await cache.get('php')).toEqual({ u: [1, 'x'] })
})
