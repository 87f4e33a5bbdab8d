import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'
import { runExample, startExample } from './example-process.js'

let servers: MemcachedServer[] = []
let memcached: string[] = []
beforeAll(async () => {
  const count = serversAreControllable ? 3 : 1
  servers = await Promise.all(Array.from({ length: count }, () => startMemcached()))
  memcached = servers.map(({ address }) => address)
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()))
})

test('cache-aside computes the list of states once', async () => {
  const states = "[ 'SC', 'RS', 'SP' ]"
  const first = await runExample('memcache/cache-aside', { memcached })
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toContain(states)
  const second = await runExample('memcache/cache-aside', { memcached })
  expect(second.stdout).toMatch(/^'estados' was in the cache, on /)
  expect(second.stdout).toContain(states)
})

test('page-flow answers from the database first and from memcached then', async () => {
  const page = '<h1>Santa Catarina</h1><p>Capital: Florianópolis</p>'
  // Twice: what the first run left in the cache must not change the second.
  for (const run of [1, 2]) {
    const { code, stdout, stderr } = await runExample('memcache/page-flow', { memcached })
    expect(`${run}: ${code} ${stderr}`).toBe(`${run}: 0 `)
    expect(stdout).toBe(
      `first request, from the database:\n${page}\nsecond request, from memcached:\n${page}\n`,
    )
  }
})

test('page-flow serves until it is told to end, and has no page for an unknown state', async () => {
  await using web = await startExample('memcache/page-flow', { memcached }, '--serve')
  await web.waitForOutput(/serving \S+\n/)
  const url = /http\S+/.exec(web.stdout())?.[0] ?? ''
  const found = await fetch(url)
  expect(await found.text()).toContain('<h1>Santa Catarina</h1>')
  for (const path of ['/XX', '/sc', '/SC/1', '/', '/%0d%0aflush_all']) {
    expect((await fetch(new URL(path, url))).status).toBe(404)
  }
  expect(await web.kill('SIGTERM')).toMatchObject({ code: 0, stderr: '' })
})

test.skipIf(!serversAreControllable)('page-flow serves without any memcached', async () => {
  await using web = await startExample('memcache/page-flow', {}, '--serve')
  await web.waitForOutput(/serving \S+\n/)
  const response = await fetch(/http\S+/.exec(web.stdout())?.[0] ?? '')
  expect(response.headers.get('x-from')).toBe('the database')
  expect(await response.text()).toContain('Florianópolis')
})

test('commands shows what each command gives', async () => {
  const args = serversAreControllable ? [] : ['--keep-items']
  const { code, stdout, stderr } = await runExample('memcache/commands', { memcached }, ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^set: true\nadd: false\nreplace: true\nappend: true\nget: O Ivo andava de patins\ndelete: true\ndelete: false\nget: undefined\n/,
  )
  for (const server of memcached) expect(stdout).toMatch(new RegExp(`'${server}': '\\d+\\.\\d+`))
  expect(stdout).toMatch(/verbosity: \{[^}]*: true.*stats of \S+: \d+ items.*quit: done\n$/s)
  expect(stdout.includes('flush_all')).toBe(serversAreControllable)
})

test('stats is one table of all servers, the unreachable one included', async () => {
  const unreachable = '127.0.0.1:1'
  const { code, stdout } = await runExample('memcache/stats', {
    memcached: [...memcached, unreachable],
  })
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines[0]).toMatch(/^server +version +up \(s\) +items +bytes +hits +misses +evictions$/)
  expect(lines).toHaveLength(1 + memcached.length + 1)
  for (const [index, server] of memcached.entries()) {
    expect(lines[index + 1]).toMatch(new RegExp(`^${server} +\\d+\\.\\d+\\.\\d+\\S*( +\\d+){6}$`))
  }
  expect(lines.at(-1)).toMatch(/^127\.0\.0\.1:1 +ERR_MEMCACHE_CONNECTION$/)
})
