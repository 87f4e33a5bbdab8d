import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { MemcachedServer } from '@glammp/memcache/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type MemcachedServer as RealServer, startMemcached } from '../support/memcached.js'
import { serversAreReal } from '../support/server-source.js'

/** A connection on which commands are sent as they are. */
class Line implements AsyncDisposable {
  readonly socket: Socket
  text = ''

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.text += chunk
    })
  }

  static async open({ host, port }: { host: string; port: number }): Promise<Line> {
    const socket = connect(port, host)
    await once(socket, 'connect')
    return new Line(socket)
  }

  /** What comes until it ends so. */
  async until(end: string): Promise<string> {
    while (!this.text.endsWith(end)) await once(this.socket, 'data')
    const { text } = this
    this.text = ''
    return text.slice(0, -end.length)
  }

  /** A list of keys. What is sent behind its command a real server may leave unread until more comes. */
  async list(command: string): Promise<string> {
    this.socket.write(`${command}\r\n`)
    const list = await this.until('\r\n')
    // Its crawler may still be busy with the list before.
    return /^(ERROR an unknown|BUSY)/.test(list) ? await this.list(command) : list
  }

  /** The answer to a command, which may be none. */
  async ask(command: string): Promise<string> {
    this.socket.write(`${command}\r\nmn\r\n`)
    return await this.until('MN\r\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.closed) return
    this.socket.destroy()
    await once(this.socket, 'close')
  }
}

/** What no two servers have in common: the process, its times, and what its background threads did. */
const OWN =
  /^STAT (pid|uptime|time|rusage_\w+|response_obj_\w+|read_buf_\w+|connection_structures|total_connections|bytes_written|bytes_read|lru_crawler_\w+|lru_maintainer_\w+|crawler_\w+|lrutail_\w+|moves_\w+|lru_bumps_\w+|tcpport|conn_yields|(items:\d+:)(number_\w+|age\w*|crawler_\w+|lrutail_\w+|moves_\w+|hits_to_\w+|reclaimed|expired_unfetched)) .*$/

/** Rows of connections. */
const FILE = /^STAT \d+:((?:addr|listen_addr|secs_since_last_cmd)(?= )|state.*).*$/

/** Without the values that are the server's own. */
const comparable = (answer: string): string[] =>
  answer.split('\r\n').map((line) => line.replace(OWN, 'STAT $1').replace(FILE, 'STAT FILE:$1'))

/** Keys are listed in any order, and the clocks of the servers may be a second apart. */
const listed = (answer: string): string[] =>
  answer
    .split(/\r?\n/)
    .map((line) => line.replace(/\b(exp|la)=\d+/g, '$1=MOMENT'))
    .sort()

const LISTS = new Set(['lru_crawler metadump all', 'lru_crawler metadump hash'])

const WRONG = [
  ...['stats bogus', 'stats bogus more', 'stats noreply', 'stats detail', 'stats detail bogus'],
  ...['stats cachedump', 'stats cachedump 1', 'stats cachedump x 1', 'stats cachedump 64 1'],
  ...['stats cachedump 1 -1', 'stats proxy', 'stats maps', 'stats detail bogus noreply'],
  ...['lru_crawler', 'lru_crawler bogus', 'lru_crawler enable', 'lru_crawler enable x'],
  ...['lru_crawler sleep', 'lru_crawler sleep x', 'lru_crawler sleep 1000001'],
  ...['lru_crawler tocrawl x', 'lru_crawler crawl', 'lru_crawler crawl 0', 'lru_crawler crawl 1x'],
  ...['lru_crawler crawl 64', 'lru_crawler metadump'],
  ...['lru_crawler metadump x', 'lru_crawler metadump 1,x', 'lru_crawler metadump 1 x'],
  ...['lru_crawler metadump ALL', 'lru_crawler mgdump all'],
  ...[
    'slabs',
    'slabs automove',
    'slabs automove 3',
    'slabs automove x',
    'slabs automove x noreply',
  ],
  ...['slabs reassign 1', 'slabs reassign 1 1', 'slabs reassign 1 64', 'slabs reassign x 1'],
  ...['slabs reassign 2 1', 'slabs reassign 1 2 noreply', 'slabs bogus', 'slabs bogus noreply'],
  ...['lru', 'lru bogus', 'lru bogus noreply', 'lru mode', 'lru mode x', 'lru mode x noreply'],
  ...['lru tune 10 25', 'lru tune 60 50 0.1 2.0', 'lru tune x 25 0.1 2.0', 'lru tune 10 25 x 2.0'],
  ...['lru tune 10 25 0 2.0', 'lru temp_ttl', 'lru temp_ttl x'],
  ...['cache_memlimit', 'cache_memlimit x', 'cache_memlimit 1', 'cache_memlimit x noreply'],
  ...['cache_memlimit -1', 'cache_memlimit 64.5', 'cache_memlimit 64 a b'],
  ...['verbosity', 'verbosity x', 'verbosity 0 1 2', 'verbosity noreply'],
  ...['shutdown', 'shutdown graceful', 'shutdown a b', 'refresh_certs', 'refresh_certs noreply'],
  ...['extstore', 'extstore bogus', 'extstore bogus 1'],
  ...['extstore free_memchunks 1', 'extstore free_memchunks 100 1', 'config get cluster'],
  ...['watch bogus', 'watch fetchers bogus', 'watch deletions', 'watch rawconns', 'watch all'],
  ...['watch bogus noreply', 'misbehave', 'proxy'],
]

const RIGHT = [
  ...['stats settings x', 'stats conns', 'stats extstore x', 'stats items x', 'stats sizes'],
  ...['lru_crawler disable', 'lru_crawler disable', 'lru_crawler metadump hash'],
  ...['lru_crawler enable', 'lru_crawler sleep 5', 'lru_crawler tocrawl 7', 'stats settings'],
  ...[
    'lru_crawler crawl all',
    'slabs automove 2',
    'slabs automove 0 x',
    'slabs automove 1 noreply',
  ],
  ...['lru mode flat', 'lru mode segmented noreply', 'lru tune 10 25 0.1 2.0 x', 'lru temp_ttl 60'],
  ...['stats settings', 'lru temp_ttl -1', 'cache_memlimit 32', 'verbosity 0', 'stats settings'],
  ...['extstore item_age 5', 'extstore max_frag 0.5', 'lru tune 20 40 0.2 2 noreply'],
]

/** Some of everything that is counted. */
const WORK = [
  ...['stats detail on', 'set a:1 5 0 1\r\nx', 'set a:2 0 100 5\r\nxxxxx', 'get a:1 a:2 none'],
  ...['ms Zm9vIGJhcg== 2 b\r\nhi', `set long 0 0 2000\r\n${'x'.repeat(2_000)}`, 'get long long'],
  ...['set n 0 0 1\r\n5', 'incr n 1', 'decr n 1', 'incr none 1', 'decr none 1', 'touch n 100'],
  ...['touch none 1', 'gat 100 n none', 'gats 100 n', 'gets n', 'cas n 0 0 1 1\r\n5'],
  ...['cas none 0 0 1 1\r\n5', 'delete none', 'delete a:2', 'append a:1 0 0 2\r\nyy'],
  ...['add a:1 0 0 1\r\nx', 'replace none 0 0 1\r\nx', 'set bad 0 0 1\r\nxxx', 'ms bad 1\r\nxxx'],
  ...['mg n v T100', 'mg none v', 'mg new N30 v', 'ma n', 'ma none', 'ma born N0 J5', 'ma born MD'],
  ...['md born', 'md none', 'ms n 1 I C1\r\n7', 'me n', 'me none', 'ms quiet 1 q\r\nx'],
  ...[`set huge 0 0 1100000\r\n${'x'.repeat(1_100_000)}`, 'set :e 0 0 1\r\nx', 'delete :e'],
  "set odd%_-.~!*()'/+&=,;@$#[]{}|^`<>? 0 0 1\r\nx",
]

const ASKED = [
  ...[
    'stats',
    'stats slabs',
    'stats items',
    'lru_crawler metadump all',
    'lru_crawler metadump hash',
  ],
  ...['stats detail dump', 'stats sizes_enable', 'stats sizes_disable', 'stats sizes'],
  ...[
    'stats reset',
    'stats detail dump',
    'stats',
    'stats items',
    'stats slabs',
    'stats detail off',
  ],
]

describe.skipIf(!serversAreReal)('to administrators the server in the process', () => {
  let real: RealServer
  let embedded: MemcachedServer
  let lines: [real: Line, embedded: Line]
  beforeEach(async () => {
    ;[real, embedded] = await Promise.all([startMemcached(), MemcachedServer.start()])
    lines = [await Line.open(real), await Line.open(embedded)]
  })
  afterEach(async () => {
    for (const line of lines) await line[Symbol.asyncDispose]()
    await Promise.all([real.stop(), embedded.close()])
  })

  /** Both answers, each as comparable lines. */
  const both = (command: string): Promise<string[][]> =>
    Promise.all(
      lines.map(async (line) => {
        if (LISTS.has(command)) return listed(await line.list(command))
        return comparable(await line.ask(command))
      }),
    )

  test('says what is wrong as a real one does', async () => {
    for (const command of [...WRONG, ...RIGHT]) {
      const [expected, answer] = await both(command)
      expect({ command, answer }).toEqual({ command, answer: expected })
    }
  })

  test('counts the same, and lists the same keys', async () => {
    for (const command of [...WORK, ...ASKED]) {
      const [expected, answer] = await both(command)
      const sorted = command === 'stats detail dump' ? [expected?.sort(), answer?.sort()] : []
      expect({ command, answer: sorted[1] ?? answer }).toEqual({
        command,
        answer: sorted[0] ?? expected,
      })
    }
  })

  test('writes the same lines to who watches', async () => {
    const logs = await Promise.all(
      [real, embedded].map(async (server) => {
        await using watcher = await Line.open(server)
        watcher.socket.write('watch fetchers mutations connevents\r\n')
        await watcher.until('OK\r\n')
        {
          await using line = await Line.open(server)
          for (const command of WORK) await line.ask(command)
          line.socket.end('get done\r\n')
          while (!watcher.text.includes('conn_close')) await once(watcher.socket, 'data')
        }
        return watcher.text.replace(/\b(ts|gid|rport|cfd|ttl|clsid)=[\d.]+/g, '$1=').split('\n')
      }),
    )
    expect(logs[1]?.length).toBeGreaterThan(60)
    expect(logs[1]).toEqual(logs[0])
  })

  test('tells of evictions', async () => {
    const logs = await Promise.all(
      [real, embedded].map(async (server) => {
        await using watcher = await Line.open(server)
        watcher.socket.write('watch evictions\r\n')
        await watcher.until('OK\r\n')
        await using line = await Line.open(server)
        const value = 'x'.repeat(500_000)
        await line.ask('cache_memlimit 8')
        for (let index = 0; index < 200 && watcher.text === ''; index += 1) {
          await line.ask(`set big${index} 0 0 500000\r\n${value}`)
        }
        while (!watcher.text.includes('\n')) await once(watcher.socket, 'data')
        await line.ask('cache_memlimit 64')
        return watcher.text.split('\n')[0]?.replace(/\b(ts|gid|key|la|ttl|clsid|size)=\S+/g, '$1=')
      }),
    )
    expect(logs[0]).toMatch(/^ts= gid= type=eviction key= fetch=no ttl= la= clsid= size=$/)
    expect(logs[1]).toEqual(logs[0])
  })

  test('refuses a watcher too many', async () => {
    const answers = await Promise.all(
      [real, embedded].map(async (server) => {
        const watchers: Line[] = []
        const said: string[] = []
        for (let index = 0; index < 21; index += 1) {
          const line = await Line.open(server)
          watchers.push(line)
          line.socket.write('watch evictions\r\n')
          said.push(await line.until('\r\n'))
        }
        for (const line of watchers) await line[Symbol.asyncDispose]()
        return said
      }),
    )
    expect(answers[1]).toEqual(answers[0])
    expect(answers[1]?.at(-1)).toMatch(/^WATCHER_TOO_MANY/)
  })
})

test('a watcher that does not read misses lines, and is told how many', async () => {
  await using server = await MemcachedServer.start()
  await using watcher = await Line.open(server)
  watcher.socket.write('watch fetchers\r\n')
  await watcher.until('OK\r\n')
  watcher.socket.pause()
  await using line = await Line.open(server)
  const gets = `${'get nothing\r\n'.repeat(1_000)}`.trimEnd()
  const skipped = async (): Promise<number> =>
    Number(/log_watcher_skipped (\d+)/.exec(await line.ask('stats'))?.[1])
  while ((await skipped()) === 0) await line.ask(gets)
  watcher.socket.resume()
  while (!watcher.text.includes('[skipped: ')) await line.ask('get nothing')
})

test('a long list is written as it is read, and later commands wait for its end', async () => {
  await using server = await MemcachedServer.start()
  await using line = await Line.open(server)
  const count = 30_000
  const sets = Array.from({ length: count }, (_, index) => `ms key-${index} 1 q\r\nx\r\n`).join('')
  await line.ask(sets.trimEnd())
  const text = await line.ask('lru_crawler metadump all\r\nversion\r\nlru_crawler metadump hash')
  const keys = text.split('\n').filter((row) => row.startsWith('key='))
  expect(new Set(keys).size).toBe(count)
  expect(keys.length).toBe(2 * count)
  expect(text).toMatch(/\nEND\r\nVERSION 1\.6\.18\r\nkey=/)
})
