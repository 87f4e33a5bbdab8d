import { parseServers } from '@glammp/wire'
import { InvalidArgumentError } from '../../../packages/gearman/src/errors.js'
import { parseHandle, withoutNuls } from '../../../packages/gearman/src/names/handle.js'
import { MalformedPacketError } from '../../../packages/gearman/src/protocol/packet-decoder.js'
import { readRefusal, TextDecoder } from '../../../packages/gearman/src/protocol/text.js'
import {
  readConnectedWorker,
  readFunctionPriorities,
  readFunctionStatus,
  readQueuedJob,
} from '../../../packages/gearman/src/protocol/text-rows.js'
import { takeContext } from '../../../packages/gearman/src/protocol/trace-context.js'
import { parseStats } from '../../../packages/memcache/src/commands/stats/stats-section.js'
import { readEvent } from '../../../packages/memcache/src/commands/watch-log.js'
import { KeyRules } from '../../../packages/memcache/src/keys/key-rules.js'
import { readConfiguration } from '../../../packages/memcache/src/requests/cluster-request.js'
import { only, sameHoweverCut, type Target } from '../engine/target.js'

const ROWS = [readConnectedWorker, readFunctionPriorities, readFunctionStatus, readQueuedJob]

/** An answer in pieces, as the admin's connection hands them over, and its rows. */
function answer(pieces: readonly Buffer[], list: boolean, fenced: boolean): string[] {
  const decoder = new TextDecoder()
  const told: string[] = []
  const isSound = only([MalformedPacketError], () => {
    for (const piece of pieces) {
      const lines = decoder.push(piece, list, fenced)
      if (lines !== undefined) told.push(...lines, 'end')
    }
    return true
  })
  return isSound ? told : ['garbled']
}

const keys = new KeyRules({ namespace: 'a:', longKeys: 'reject', protocol: 'auto' })

/** No longer than a line of memcached may be. */
const line = (input: Buffer): string => input.toString('latin1', 0, 65_536)

/** Readers of text. */
export const texts: readonly Target[] = [
  {
    name: 'gearman-admin',
    seeds: [
      'title\t3\t1\t2\nlog_queue\t0\t0\t0\n.\n',
      '35 127.0.0.1 - :\n19 ::1 my : id : :q baz\n.\n',
      'H:a:1\t0\t0\t1\n.\nOK 1.1.20\n',
      'OK 1.1.20\n',
      'ERR UNKNOWN_COMMAND Unknown+server+command\n',
    ],
    words: [
      '\n',
      '\r\n',
      '.\n',
      '\t',
      ' : ',
      ' :',
      'OK ',
      'ERR ',
      'ERR UNKNOWN_COMMAND',
      '\n.\nOK 1\n',
    ],
    run(input) {
      for (const [list, fenced] of [
        [true, false],
        [false, false],
        [true, true],
      ] as const) {
        const whole = answer([input], list, fenced)
        readRefusal(whole, { line: 'x', list })
        for (const row of whole) {
          for (const read of ROWS) only([MalformedPacketError], () => read(row))
        }
        // What came in one piece too many is garbled, in several it belongs to the next answer.
        if (whole.length > 0 && whole[0] !== 'garbled' && !fenced) {
          sameHoweverCut(input, (pieces) => answer(pieces, list, fenced))
        }
      }
    },
  },
  {
    name: 'memcache-stats',
    seeds: ['STAT pid 1\nSTAT version 1.6.18\nSTAT rusage_user 0.004\nSTAT items:1:number 2'],
    words: ['STAT ', '\n', ' ', 'version', '__proto__', 'items:1:', '-1', '1.5', '1e999'],
    run(input) {
      const stats = parseStats(line(input).split('\n'))
      if (Object.getPrototypeOf(stats) !== Object.prototype) throw new Error('another prototype')
    },
  },
  {
    name: 'memcache-watch',
    seeds: [
      'ts=1.5 gid=1 type=item_get key=a%20b status=found clsid=1 cfd=12 size=5',
      'key=foo%20bar exp=-1 la=1700000000 cas=2 fetch=no cls=1 size=63',
    ],
    words: ['key=', 'type=', '=', ' ', '%20', '%', '%e2%82%ac', '%00', 'a:', '__proto__=', 'ts='],
    longest: 65_536,
    run(input) {
      const fields = readEvent(line(input))
      if (Object.getPrototypeOf(fields) !== Object.prototype) throw new Error('another prototype')
    },
  },
  {
    name: 'memcache-listed-keys',
    seeds: ['a:foo', 'a:foo%20bar', 'a:%e2%82%ac', 'a:%00%ff'],
    words: ['a:', '%', '%20', '%0A', '%ff', '%e2%82%ac', '%ed%a0%80'],
    run(input) {
      const key = keys.fromLog(line(input))
      if (key === undefined) return
      // What is listed can be asked for, but for what no client of this namespace stores.
      if (typeof key === 'string' && key.length > 0 && key.length < 60) keys.toWire(key, 'get')
    },
  },
  {
    name: 'memcache-cluster',
    seeds: ['12\na.example|10.0.0.1|11211 b.example||11211\n', '1\r\n|10.0.0.1|11211\r\n'],
    words: ['\n', '|', ' ', '11211', '65536', '-1', 'a.example'],
    run: (input) => void readConfiguration(input.toString('latin1')),
  },
  {
    name: 'addresses',
    seeds: [
      'localhost',
      'a:11211, b:11212 c',
      'memcached://user:p%40ss@[::1]:11211',
      'unix:/tmp/a.sock',
      'memcacheds://a',
      '127.0.0.1:11211:2',
    ],
    words: [
      '://',
      '@',
      ':',
      '%',
      '%40',
      '[',
      ']',
      '::1',
      'unix:',
      '/',
      ',',
      ' ',
      'memcached://',
      '?',
      '#',
    ],
    run(input) {
      const schemes = { memcached: { tls: false }, memcacheds: { tls: true } }
      only([TypeError, RangeError], () =>
        parseServers(input.toString('utf8', 0, 65_536), { defaultPort: 11_211, schemes }),
      )
    },
  },
  {
    name: 'gearman-handles',
    seeds: ['H:a:1', 'localhost:4730//H:a:1', 'unix:/tmp//a.sock//H:a:1\0'],
    words: ['//', 'H:', ':', '\0', '/'],
    run(input) {
      const text = input.toString('latin1')
      only([InvalidArgumentError], () => parseHandle(withoutNuls(text)))
    },
  },
  {
    name: 'gearman-trace-context',
    seeds: ['\0glammp.context\0{"traceparent":"00-a-b-01"}\0workload', 'workload'],
    words: ['\0glammp.context\0', '{', '}', '"', ':', '\0', '[', ']', '"__proto__"', '{}'],
    run(input) {
      const { context, workload } = takeContext(input)
      if (context === undefined && !workload.equals(input)) throw new Error('another workload')
    },
  },
]
