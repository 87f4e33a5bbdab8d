/**
 * The list of states, from the cache or else computed and cached for 100 seconds.
 *
 *     npx tsx examples/memcache/cache-aside.ts
 *
 * PHP named each server with $memcache->connect('localhost', 11211); here all of them are one list:
 *
 *     MEMCACHED_SERVERS=localhost:11211,localhost:11212,192.168.0.10:11212
 *
 * or `new MemcacheClient({ servers: ['localhost:11211', 'localhost:11212', ...] })`. Without either
 * it is localhost:11211.
 */
import { MemcacheClient } from '@glammp/memcache'

const memcache = new MemcacheClient()

let conteudo = await memcache.get<string[]>('estados')
if (conteudo === undefined) {
  const uf = ['SC', 'RS', 'SP']
  await memcache.set('estados', uf, 100)
  conteudo = uf
  console.log(`'estados' was not in the cache; it now is, on ${memcache.serverFor('estados')}`)
} else {
  console.log(`'estados' was in the cache, on ${memcache.serverFor('estados')}`)
}
console.log(conteudo)

await memcache.close()
