import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, describe, expect } from 'vitest'
import { findProgram } from '../../scripts/programs.mjs'
import { test } from '../support/memcache.js'
import type { MemcachedServer } from '../support/memcached.js'
import { reservePort } from '../support/ports.js'
import { startProcess } from '../support/process.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { waitFor } from '../support/wait.js'
import { testCommands } from './command-suite.js'
import { failsAlone } from './unknown-command.js'

const nutcracker = findProgram('nutcracker')

const LACKS = ['flushAll', 'getAndTouch', 'servers', 'stats', 'verbosity'] as const

function configuration(port: number, servers: readonly MemcachedServer[]): string {
  return [
    'pool:',
    `  listen: 127.0.0.1:${port}`,
    '  hash: md5',
    '  distribution: ketama',
    '  servers:',
    ...servers.map(({ address }) => `   - ${address}:1`),
    '',
  ].join('\n')
}

describe.skipIf(nutcracker === undefined)('a proxy that knows only the classic protocol', () => {
  const undo: (() => unknown)[] = []
  let address = ''

  test.beforeAll(async ({ servers }) => {
    const ports = await Promise.all([reservePort(), reservePort()])
    const [port, statsPort] = ports.map((reservation) => reservation.port)
    undo.push(...ports.map(({ release }) => release))
    const directory = await temporaryDirectory()
    undo.push(directory.remove)
    const file = join(directory.path, 'nutcracker.yml')
    await writeFile(file, configuration(port as number, servers))
    // Its usual place for a log is root's.
    const log = join(directory.path, 'log')
    const args = ['-c', file, '-s', String(statsPort), '-o', log]
    const proxy = startProcess(nutcracker as string, args)
    undo.push(() => proxy.kill('SIGKILL'))
    address = `127.0.0.1:${port}`
    await using cache = new MemcacheClient(address)
    await waitFor(() => cache.connect().then(() => true))
  })
  afterAll(async () => {
    for (const step of undo.reverse()) await step()
  })

  for (const protocol of ['auto', 'classic'] as const) {
    const place = () => ({ servers: [address], protocol })
    testCommands(`${protocol} through the proxy`, place, { lacks: LACKS })
  }

  test.for(['auto', 'classic'] as const)(
    'closes the connection at what it does not know, which costs nobody else a call (%s)',
    async (protocol) => {
      await using cache = new MemcacheClient({ servers: address, protocol })
      await cache.set('a', 1)
      const refused = { code: 'ERR_MEMCACHE_CONNECTION', message: expect.stringContaining('proxy') }
      for (const unknown of [
        () => cache.stats(),
        () => cache.flushAll(),
        () => cache.verbosity(1),
        // Who is told to speak classic, takes it for a memcached.
        ...(protocol === 'auto' ? [() => cache.getAndTouch('a', 60)] : []),
      ]) {
        const tried = () => unknown().catch((error: unknown) => ({ [address]: error }))
        await failsAlone(cache, tried, { [address]: refused })
      }
    },
  )

  test('knows no binary protocol', async () => {
    await using binary = new MemcacheClient({ servers: address, protocol: 'binary' })
    await expect(binary.get('a')).rejects.toMatchObject({
      code: expect.stringMatching(/CONNECTION|PROTOCOL/),
    })
  })

  test('with md5 and ketama agrees with this client on the place of every key', async ({
    addresses,
  }) => {
    await using cache = new MemcacheClient(address)
    const keys = Array.from({ length: 300 }, (_, index) => `key:${index}`)
    await Promise.all(keys.map((key, index) => cache.set(key, { index }, 60)))
    await using direct = new MemcacheClient(addresses)
    expect((await direct.getMany(keys)).size).toBe(300)
  })
})
