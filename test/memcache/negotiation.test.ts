import { connect, type Socket } from 'node:net'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/memcache.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { hasBinary, serversAreReal } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'
import { worksWith } from './works-with.js'

/** Only meta can look at an item. */
const speaksMeta = async (cache: MemcacheClient): Promise<boolean> => {
  await cache.set('a', 1)
  return (await cache.inspect('a')) !== undefined
}
const refused = { code: 'ERR_MEMCACHE_CONNECTION' }

/** Leads a connection to the real server. */
const lead = (socket: Socket, server: MemcachedServer): void => {
  const target = connect(server.port, server.host)
  for (const [from, to] of [
    [socket, target],
    [target, socket],
  ] as const) {
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
    from.pipe(to)
  }
}

/** Answers as a server that knows no meta, with a word for `mn`. */
const speakClassic = (socket: Socket, word = 'ERROR\r\n'): void => {
  socket.on('data', (data) => {
    for (const line of String(data).split('\r\n').slice(0, -1)) {
      if (line === 'mn') socket.write(word)
      else if (line === 'version') socket.write('VERSION 1.4.5\r\n')
      else if (line.startsWith('get ')) socket.write('END\r\n')
      else if (line === '1') socket.write('STORED\r\n')
      else if (!line.startsWith('set ')) socket.write('ERROR\r\n')
    }
  })
}

describe.skipIf(!serversAreReal)('a server with as many connections as it takes', () => {
  let full: MemcachedServer
  const others: Socket[] = []
  beforeAll(async () => {
    full = await startMemcached({ args: ['-c', '16'] })
  })
  afterAll(() => full.stop())
  /** True where the server takes one more connection, which stays. */
  const takes = async (): Promise<boolean> => {
    const socket = connect(full.port, full.host)
    others.push(socket)
    let said = ''
    socket.on('error', () => {})
    socket.on('data', (data) => {
      said += data
    })
    socket.write('mn\r\n')
    await waitFor(() => said !== '' || socket.destroyed)
    return said.startsWith('MN')
  }
  const fill = async (): Promise<void> => {
    while (await takes());
  }
  const leave = async (): Promise<void> => {
    const leaveAll = (): void => {
      for (const socket of others.splice(0)) socket.destroy()
    }
    leaveAll()
    await waitFor(takes)
    leaveAll()
  }

  test.each(['auto', 'meta', 'classic', 'binary'] as const)(
    'over %s: no connection, until there is room',
    async (protocol) => {
      await using cache = new MemcacheClient({ servers: full.address, protocol })
      await fill()
      for (const call of [
        cache.get('a'),
        cache.set('a', 1),
        cache.delete('a'),
        cache.getMany(['a', 'b']),
      ]) {
        await expect(call).rejects.toMatchObject(refused)
      }
      await leave()
      await waitFor(() => cache.set('a', 1))
      if (protocol === 'auto' || protocol === 'meta') expect(await speaksMeta(cache)).toBe(true)
    },
  )

  test.for(['auto', 'meta', 'classic', 'binary'] as const)(
    'over %s: another stands in',
    async (protocol, { server }) => {
      const servers = [full.address, server.address]
      const distribution = () => ({ pick: () => 0 })
      await using cache = new MemcacheClient({ servers, protocol, distribution, failover: 'next' })
      await fill()
      try {
        expect(await Promise.all(['a', 'b', 'c'].map((key) => cache.set(key, key)))).toEqual([
          true,
          true,
          true,
        ])
        expect(await cache.get('b')).toBe('b')
      } finally {
        await leave()
      }
    },
  )
})

test('a connection that is closed in between says nothing of the server', async ({ server }) => {
  let closed = 0
  await using between = await startFakeServer((socket) => {
    if (closed > 0) lead(socket, server)
    else socket.once('data', () => socket.destroy())
    closed += 1
  })
  await using cache = new MemcacheClient(between.address)
  expect(await speaksMeta(cache)).toBe(true)
})

test('a load balancer without a server is not a connection, and is asked again', async ({
  server,
}) => {
  let isThere = false
  await using balancer = await startFakeServer((socket) => {
    if (isThere) lead(socket, server)
    else socket.once('data', () => socket.destroy())
  })
  await using cache = new MemcacheClient(balancer.address)
  await expect(cache.get('a')).rejects.toMatchObject(refused)
  await expect(cache.set('a', 1)).rejects.toMatchObject(refused)
  isThere = true
  await waitFor(() => cache.set('a', 1))
  expect(await speaksMeta(cache)).toBe(true)
})

test.for(['SERVER_ERROR out of memory\r\n', 'SERVER_ERROR proxy write to backend\r\n'])(
  '%j is no word about the protocol',
  async (word, { server }) => {
    let isSick = true
    await using proxy = await startFakeServer((socket) => {
      if (isSick) speakClassic(socket, word)
      else lead(socket, server)
    })
    await using cache = new MemcacheClient(proxy.address)
    await expect(cache.get('a')).rejects.toMatchObject(refused)
    isSick = false
    await waitFor(() => cache.set('a', 1))
    expect(await speaksMeta(cache)).toBe(true)
  },
)

test.each([['ERROR\r\n'], ['ERROR unknown command\r\n'], ['CLIENT_ERROR bad command\r\n']])(
  'a server that answers mn by %j speaks classic',
  async (word) => {
    await using old = await startFakeServer((socket) => speakClassic(socket, word))
    await using cache = new MemcacheClient(old.address)
    expect(await cache.set('a', 1)).toBe(true)
    expect(await cache.get('a')).toBeUndefined()
    expect(old.received().toString()).toContain('set a ')
    expect(old.connections).toBe(1)
  },
)

test('a proxy that closes at mn, and answers everything else, speaks classic', async () => {
  await using proxy = await startFakeServer((socket) => {
    socket.on('data', (data) => {
      if (String(data).includes('mn\r\n')) socket.destroy()
      else if (String(data).startsWith('get ')) socket.write('END\r\n')
      else socket.write('STORED\r\n')
    })
  })
  await using cache = new MemcacheClient(proxy.address)
  expect(await cache.get('a')).toBeUndefined()
  expect(await cache.set('a', 1)).toBe(true)
  // It was asked twice, and is not for each call.
  expect(proxy.connections).toBe(3)
})

test('a server that another has taken the place of is asked anew', async ({ server }) => {
  let isOld = true
  const sockets = new Set<Socket>()
  await using place = await startFakeServer((socket) => {
    sockets.add(socket)
    if (isOld) speakClassic(socket)
    else lead(socket, server)
  })
  await using cache = new MemcacheClient(place.address)
  await cache.set('a', 1)
  await expect(cache.inspect('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLIENT' })
  isOld = false
  // No connection fails meanwhile.
  for (const socket of sockets) socket.destroy()
  await waitFor(() => speaksMeta(cache))
  isOld = true
  for (const socket of sockets) socket.destroy()
  await waitFor(() => cache.set('a', 1))
  await expect(cache.inspect('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLIENT' })
})

test('meta protocol', ({ server }) => worksWith({ servers: server.address, protocol: 'meta' }))
test('classic protocol', ({ server }) =>
  worksWith({ servers: server.address, protocol: 'classic' }))
test.skipIf(!hasBinary)('binary protocol', ({ server }) =>
  worksWith({ servers: server.address, protocol: 'binary' }),
)

test('the protocol of each server found out', async ({ server, cache }) => {
  const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`)
  await using old = await startFakeServer((socket) => {
    socket.on('data', (chunk) => {
      const lines = String(chunk).split('\r\n').slice(0, -1)
      for (const line of lines) {
        const [command, ...asked] = line.split(' ')
        const items = asked.map((key) => `VALUE ${key} 1 1\r\n7\r\n`).join('')
        if (command === 'version') socket.write('VERSION 1.4.15\r\n')
        else socket.write(command === 'get' ? `${items}END\r\n` : 'ERROR\r\n')
      }
    })
  })
  await using both = new MemcacheClient([old.address, server.address])
  await cache.setMany(keys.map((key) => [key, 7] as const))
  expect(await both.getMany(keys)).toEqual(new Map(keys.map((key) => [key, 7])))
})
