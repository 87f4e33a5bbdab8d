import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { runExample } from './example-process.js'

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached()
})
afterAll(() => server.stop())

test('opentelemetry makes a span of every command, below the span of its caller', async () => {
  const { address } = server
  const { code, stdout, stderr } = await runExample('observing/opentelemetry', {
    memcached: [address],
  })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.slice(0, 7)).toEqual([
    'GET /estados',
    `  memcached delete: missing, 0 bytes, on ${address}`,
    `  memcached get: miss, 0 bytes, on ${address}`,
    expect.stringMatching(/^ {2}memcached set: stored, \d+ bytes, on /),
    expect.stringMatching(/^ {2}memcached getMany: hit, \d+ bytes, on /),
    `  memcached increment: ERR_MEMCACHE_CLIENT, 0 bytes, on ${address}`,
    'get: 1 calls, 0 hits, 1 misses',
  ])
  expect(lines[7]).toMatch(/^all: 5 calls, p99 [\d.]+ ms, 1 connections$/)
})
