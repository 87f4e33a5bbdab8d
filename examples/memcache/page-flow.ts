/**
 * "How memcached works", as a small web server:
 *
 *  1. a browser requests the page of a state         4. found: the page is built from it
 *  2. the web server passes the request on           5. not found: read the database, store it
 *  3. is the state in memcached?                     6. the page goes out
 *
 *     npx tsx examples/memcache/page-flow.ts            # asks itself for a page twice, then ends
 *     npx tsx examples/memcache/page-flow.ts --serve    # serves until Ctrl-C
 *
 * The database is a real file (SQLite). The header `x-from` says where a page came from.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MemcacheClient } from '@glammp/memcache'
import { EstadosDatabase } from '../database.js'

const memcache = new MemcacheClient({ namespace: 'page-flow:' })
const database = new EstadosDatabase()

const server = createServer(async (request, response) => {
  const uf = request.url?.slice(1) ?? ''
  if (!/^[A-Z]{2}$/.test(uf)) {
    response.writeHead(404).end()
    return
  }
  let from = 'memcached'
  // Steps 3 to 5. A memcached that is down costs a look into the database, not the page.
  const estado = await memcache.wrap(
    uf,
    () => {
      from = 'the database'
      return database.find(uf)
    },
    { ttl: 100 },
  )
  response.writeHead(estado === undefined ? 404 : 200, { 'x-from': from })
  response.end(estado && `<h1>${estado.nome}</h1><p>Capital: ${estado.capital}</p>`)
})
server.listen(0, 'localhost')
await once(server, 'listening')
const url = `http://localhost:${(server.address() as AddressInfo).port}`

if (process.argv.includes('--serve')) {
  console.log(`serving ${url}/SC`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
} else {
  await memcache.delete('SC') // so that the first request finds nothing, also when run again
  for (const request of ['first', 'second']) {
    const response = await fetch(`${url}/SC`)
    console.log(`${request} request, from ${response.headers.get('x-from')}:`)
    console.log(await response.text())
  }
}

server.close()
server.closeAllConnections()
await memcache.close()
database.close()
