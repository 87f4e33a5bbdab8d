import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { hasPhpMemcached, inPhp } from '../support/php.js'

describe.skipIf(!hasPhpMemcached)('PHP with OPT_LIBKETAMA_COMPATIBLE', () => {
  let servers: MemcachedServer[] = []
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: 7 }, () => startMemcached()))
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })

  test('reads from seven servers 1,000 strings that we wrote, each where it looks', async () => {
    await using cache = new MemcacheClient(servers.map(({ address }) => address))
    // libmemcached refuses keys that are not ASCII, so those are for clients like ours alone.
    const entries = Array.from({ length: 1_000 }, (_, index) => [
      `chave:${index}`,
      `valor ${index} ☃`,
    ])
    await Promise.all(entries.map(([key = '', value]) => cache.set(key, value, 60)))
    const values = await inPhp<Record<string, string>>(
      servers,
      '$r = []; foreach ($in as $k) { $r[$k] = $m->get($k); } return $r;',
      entries.map(([key]) => key),
    )
    expect(values).toEqual(Object.fromEntries(entries))
  })

  test('writes on seven servers what we read, each where we look', async () => {
    await using cache = new MemcacheClient(servers.map(({ address }) => address))
    const keys = Array.from({ length: 1_000 }, (_, index) => `php:${index}`)
    await inPhp(
      servers,
      'foreach ($in as $i => $k) { $m->set($k, "de PHP $i", 60); } return 1;',
      keys,
    )
    const found = await cache.getMany(keys)
    expect(found).toEqual(new Map(keys.map((key, index) => [key, `de PHP ${index}`])))
  })

  test('reads our numbers and booleans as its own, and counts on', async () => {
    await using cache = new MemcacheClient(servers.map(({ address }) => address))
    await cache.set('inteiro', 42)
    await cache.set('real', 3.5)
    await cache.set('sim', true)
    await cache.set('nao', false)
    await cache.set('bytes', Buffer.from('abc'))
    await cache.set('contador', 10)
    expect(
      await inPhp(
        servers,
        `$m->increment('contador', 5);
         return [$m->get('inteiro'), $m->get('real'), $m->get('sim'), $m->get('nao'), $m->get('bytes'), $m->get('contador')];`,
      ),
    ).toEqual([42, 3.5, true, false, 'abc', 15])
    expect(await cache.get('contador')).toBe(15)
  })

  test('agrees on the server of every key, for equal servers in every troublesome number', async () => {
    const fleets = [2, 3, 5, 7, 14, 25, 28, 47, 49, 50].map((count) =>
      Array.from({ length: count }, (_, index) => ({
        host: `10.0.${index >> 4}.${index & 15}`,
        port: index % 3 === 0 ? 11_212 : 11_211,
        weight: 1,
      })),
    )
    await agree(fleets)
  })

  test('agrees on the server of every key, for unix sockets, IPv6 and a namespace', async () => {
    const socket = (name: string): Member => ({ path: `/run/${name}.sock`, weight: 1 })
    const address = (host: string, port: number, weight = 1): Member => ({ host, port, weight })
    const fleets = [
      ['a', 'b', 'c'].map(socket),
      [socket('a'), address('10.0.0.1', 11_211), address('10.0.0.2', 11_212, 3)],
      [address('::1', 11_211), address('::1', 11_212), address('fe80::1', 11_211)],
    ]
    await agree(fleets)
    await agree(fleets, 'app:')
  })

  test('agrees on the server of every key, for 200 fleets with weights', async () => {
    // Random, but the same at every run.
    let seed = 20_100_504
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return (seed >> 8) % below
    }
    const weights = [
      [8, 10, 1, 5, 1],
      [1, 1, 2],
      ...Array.from({ length: 198 }, () =>
        Array.from({ length: 2 + random(9) }, () => 1 + random(10)),
      ),
    ]
    const fleets = weights.map((list, fleet) =>
      list.map((weight, index) => ({
        host: `cache${fleet}-${index}`,
        port: random(2) === 0 ? 11_211 : 11_300 + random(50),
        weight,
      })),
    )
    await agree(fleets)
  })
})

interface Member {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly weight: number
}

/** Compares the places of 1,000 keys in each fleet with those that PHP computes. */
async function agree(
  fleets: readonly (readonly Member[])[],
  namespace: string | undefined = undefined,
): Promise<void> {
  const keys = Array.from({ length: 1_000 }, (_, index) => `key:${index}`)
  const places = await inPhp<number[][]>(
    [],
    `return array_map(function ($fleet) use ($in) {
       $m = new Memcached();
       $m->setOption(Memcached::OPT_LIBKETAMA_COMPATIBLE, true);
       if ($in['namespace']) $m->setOption(Memcached::OPT_PREFIX_KEY, $in['namespace']);
       $m->addServers($fleet);
       $names = array_flip(array_map(fn ($s) => "$s[0]:$s[1]", $fleet));
       return array_map(function ($k) use ($m, $names) {
         $s = $m->getServerByKey($k);
         return $names[$s['host'] . ':' . $s['port']];
       }, $in['keys']);
     }, $in['fleets']);`,
    {
      keys,
      namespace,
      fleets: fleets.map((fleet) =>
        fleet.map(({ host, port = 0, path, weight }) => [path ?? host, port, weight]),
      ),
    },
  )
  for (const [index, fleet] of fleets.entries()) {
    await using cache = new MemcacheClient({ servers: fleet, namespace })
    const ours = keys.map((key) => cache.servers.indexOf(cache.serverFor(key)))
    expect(ours).toEqual(places[index])
  }
}
