/**
 * The statistics of all servers as one table: what memcache.php shows.
 *
 *     npx tsx examples/memcache/stats.ts
 */
import { MemcacheClient } from '@glammp/memcache'

const COLUMNS = [
  ['version', 'version'],
  ['uptime', 'up (s)'],
  ['curr_items', 'items'],
  ['bytes', 'bytes'],
  ['get_hits', 'hits'],
  ['get_misses', 'misses'],
  ['evictions', 'evictions'],
] as const

const memcache = new MemcacheClient()
const statistics = await memcache.stats()
await memcache.close()

const rows = Object.entries(statistics).map(([server, stats]) => {
  // A server that cannot be reached has its error in the place of its numbers.
  if (stats instanceof Error) return [server, stats.code]
  return [server, ...COLUMNS.map(([name]) => String(stats[name] ?? '-'))]
})
const table = [['server', ...COLUMNS.map(([, title]) => title)], ...rows]
const widths = table[0]?.map((_, column) =>
  Math.max(...table.filter((row) => row.length > 2).map((row) => row[column]?.length ?? 0)),
)
for (const row of table) {
  console.log(
    row
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
