import { MemcacheClient } from '@glammp/memcache'
import { expect } from 'vitest'
import { findProgram } from '../../scripts/programs.mjs'
import { test } from '../support/memcache.js'
import { run } from '../support/process.js'

const ruby = findProgram('ruby') ?? 'ruby'
const hasDalli =
  findProgram('ruby') !== undefined && (await run(ruby, ['-e', 'require "dalli"'])).code === 0

test.skipIf(!hasDalli)(
  'Dalli with its serializer JSON and we read each other’s values',
  async ({ addresses }) => {
    const inRuby = async (code: string): Promise<unknown> => {
      const script = `require 'dalli'; require 'json'
      c = Dalli::Client.new(%w[${addresses.join(' ')}], namespace: 'app', serializer: JSON, compress: true)
      puts JSON.generate((${code}))`
      const {
        code: exit,
        stdout,
        stderr,
      } = await run(ruby, ['-e', script], {
        // Ruby reads its source as the locale says, which may be ASCII.
        env: { LC_ALL: 'C.UTF-8' },
      })
      if (exit !== 0) throw new Error(`ruby failed: ${stderr}`)
      return JSON.parse(stdout.trim().split('\n').at(-1) as string) as unknown
    }
    await using cache = new MemcacheClient({
      servers: addresses,
      compat: 'dalli',
      namespace: 'app:',
      compression: true,
    })
    const theirs = {
      n: 7,
      big: 2 ** 40,
      list: [1, 'é', null, { a: true }],
      long: 'fox '.repeat(3_000),
    }
    await inRuby(`
    JSON.parse('${JSON.stringify(theirs)}').each { |k, v| c.set(k, v) }
    100.times { |i| c.set("k#{i}", i) }
    c.set('raw', 'bytes', nil, raw: true)`)
    for (const [key, value] of Object.entries(theirs))
      expect(await cache.get(key), key).toEqual(value)
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`)
    expect([...(await cache.getMany(keys)).values()]).toEqual(keys.map((_, index) => index))
    expect(await cache.get('raw')).toEqual(Buffer.from('bytes'))
    await inRuby(
      `Dalli::Client.new(%w[${addresses.join(' ')}], namespace: 'app').set('marshal', [1])`,
    )
    await expect(cache.get('marshal')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_DECODE' })

    const ours = { text: 'olá', n: 8, list: [1, { b: null }], yes: true, long: ['x'.repeat(9_000)] }
    await cache.setMany(ours)
    expect((await cache.inspect('long'))?.size).toBeLessThan(1_000)
    const read = Object.keys(ours).map((key) => `'${key}' => c.get('${key}')`)
    expect(await inRuby(`{ ${read.join(', ')} }`)).toEqual(ours)
  },
)
