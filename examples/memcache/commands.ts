/**
 * Every command that the talk lists, and what each resolves to.
 *
 *     npx tsx examples/memcache/commands.ts
 *
 * It ends with flush_all, which empties ALL servers it is pointed at; `--keep-items` leaves that out.
 */
import { MemcacheClient } from '@glammp/memcache'

const memcache = new MemcacheClient()

function show(command: string, result: unknown): void {
  console.log(`${command}:`, result)
}

// Storing.
show('set', await memcache.set('ivo', 'O Ivo', 100))
show('add', await memcache.add('ivo', 'Outro Ivo', 100)) // false: the key is there already
show('replace', await memcache.replace('ivo', 'O Ivo andava', 100))
show('append', await memcache.append('ivo', ' de patins'))

// Reading.
show('get', await memcache.get('ivo'))

// Deleting.
show('delete', await memcache.delete('ivo'))
show('delete', await memcache.delete('ivo')) // false: it was not there any more
show('get', await memcache.get('ivo')) // undefined: a miss

// The servers. Each of these asks all of them, and its result is keyed by their addresses.
show('version', await memcache.version())
show('verbosity', await memcache.verbosity(0))
for (const [server, stats] of Object.entries(await memcache.stats())) {
  if (stats instanceof Error) {
    show(`stats of ${server}`, stats.code) // it could not be reached
  } else {
    const { curr_items: items } = stats
    show(`stats of ${server}`, `${items} items`)
  }
}
if (!process.argv.includes('--keep-items')) show('flush_all', await memcache.flushAll())

await memcache.quit()
show('quit', 'done')
