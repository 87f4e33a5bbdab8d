import { ConnectionError, MemcacheClient } from '@glammp/memcache'
import { expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'

test('a connection that is cut at each question is no word about the meta commands', async () => {
  await using server = await startFakeServer((socket) =>
    socket.on('data', (chunk) => {
      if (chunk.toString().startsWith('mn')) socket.destroy()
      else socket.write('END\r\n')
    }),
  )
  await using cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
  await expect(cache.get('estados')).rejects.toBeInstanceOf(ConnectionError)
  await expect(cache.get('estados')).rejects.toThrow('no answer to mn')
})
