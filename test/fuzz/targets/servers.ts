import type { Peer } from '@glammp/wire/testing'
import { AdminText } from '../../../packages/gearman/src/testing/admin-text.js'
import { CLIENT_REQUESTS } from '../../../packages/gearman/src/testing/client-requests.js'
import { Jobs } from '../../../packages/gearman/src/testing/jobs.js'
import type { Packet } from '../../../packages/gearman/src/testing/packets.js'
import { Session as GearmanSession } from '../../../packages/gearman/src/testing/session.js'
import { WORKER_REQUESTS } from '../../../packages/gearman/src/testing/worker-requests.js'
import { runCommand } from '../../../packages/memcache/src/testing/commands.js'
import { Session } from '../../../packages/memcache/src/testing/session.js'
import { Settings } from '../../../packages/memcache/src/testing/settings.js'
import { Store } from '../../../packages/memcache/src/testing/store.js'
import { Watchers } from '../../../packages/memcache/src/testing/watchers.js'
import { sameHoweverCut, type Target } from '../engine/target.js'

const NOW = 1_800_000_000_000

/** A connection without a socket, and what was written to it. */
function peerOf(told: string[]): Peer {
  const peer = {
    remoteAddress: '127.0.0.1',
    remotePort: 1,
    backlog: 0,
    write: (bytes: string | Uint8Array) => {
      told.push(Buffer.from(bytes as string, 'latin1').toString('latin1'))
    },
    writeFrom: (pieces: Iterator<string>) => {
      for (let piece = pieces.next(); piece.done !== true; piece = pieces.next()) {
        told.push(piece.value)
      }
    },
    end: () => told.push('end'),
    destroy: () => told.push('end'),
  }
  return peer as unknown as Peer
}

/** What a memcached in the process answers, as one text. */
function askMemcached(pieces: readonly Buffer[]): string[] {
  const told: string[] = []
  const store = new Store({ maxBytes: 8 << 20, itemSize: 65_536 }, () => NOW)
  const place = { host: '127.0.0.1', port: 2 }
  const session = new Session(peerOf(told), {
    store,
    secret: undefined,
    settings: new Settings({ place, path: undefined, hasTls: false, auth: false }),
    watchers: new Watchers(store, () => NOW),
    sessions: new Set<Session>(),
    heard: () => {},
    run: runCommand,
  })
  for (const piece of pieces) {
    // Nothing is read from a connection that the server has ended.
    if (!told.includes('end')) session.read(piece)
  }
  session.gone()
  // What is true of the moment, or of the pieces, alone.
  return [told.join('').replaceAll(/^STAT (rusage_\w+|pid|bytes_read|bytes_written) .*$/gm, '')]
}

/** What a gearmand in the process answers. */
function askGearmand(pieces: readonly Buffer[]): string[] {
  const told: string[] = []
  const jobs = new Jobs(
    { jobRetries: 0, roundRobin: false, workerWakeup: 0, handlePrefix: 'H:a' },
    { seconds: () => NOW / 1_000, after: () => () => {} },
    () => {},
  )
  const handlers = new Map([...CLIENT_REQUESTS, ...WORKER_REQUESTS])
  const sessions: GearmanSession[] = []
  const admin = new AdminText(jobs, () => sessions)
  const service = {
    packet: (session: GearmanSession, packet: Packet): void =>
      handlers.get(packet.type)?.(jobs, session, packet),
    line: (session: GearmanSession, line: string): void => {
      const answer = admin.answer(line)
      if (answer === undefined) session.close()
      else session.say(answer)
    },
    left: (session: GearmanSession): void => jobs.leave(session),
  }
  const session = new GearmanSession(1, peerOf(told), service, false)
  sessions.push(session)
  for (const piece of pieces) {
    if (!told.includes('end')) session.read(piece)
  }
  session.gone()
  return [told.join('')]
}

function request(type: number, body: string): string {
  const header = Buffer.alloc(12)
  header.write('\0REQ')
  header.writeUInt32BE(type, 4)
  header.writeUInt32BE(body.length, 8)
  return header.toString('latin1') + body
}

/** The servers in the process: whatever a client sends, nothing is thrown. */
export const servers: readonly Target[] = [
  {
    name: 'memcached-in-process',
    seeds: [
      'set a 5 0 3\r\nabc\r\nget a none a\r\ncas a 0 0 1 9\r\nx\r\nincr a 1\r\ntouch a 0\r\ngat 0 a\r\n',
      'ms Zm9v 3 b c k O1\r\nhi!\r\nmg Zm9v b v k t\r\nma n N0 J5 D2 v\r\nmd Zm9v b q\r\nmn\r\nme a\r\n',
      'stats\r\nstats items\r\nflush_all\r\nverbosity 1\r\nversion\r\nlru_crawler metadump all\r\nquit\r\n',
      'watch fetchers mutations\r\nget a\r\n',
    ],
    words: [
      ...[
        '\r\n',
        '\n',
        ' ',
        'set a 0 0 3\r\nabc\r\n',
        'get ',
        'gats ',
        'append a 0 0 1',
        ' noreply',
      ],
      ...[
        'mg a ',
        'ms a 3 ',
        'md a ',
        'ma a ',
        'me ',
        ' v',
        ' b',
        ' q',
        ' k',
        ' N5',
        ' T-1',
        ' MA',
        ' C1',
      ],
      ...[
        'stats ',
        'settings',
        'watch ',
        'lru ',
        'tune ',
        'slabs ',
        'cache_memlimit ',
        '__proto__',
      ],
    ],
    memory: (input) => (16 << 20) + 256 * input.length,
    run: (input) => sameHoweverCut(input, askMemcached),
  },
  {
    name: 'gearmand-in-process',
    seeds: [
      request(1, 'title') +
        request(7, 'title\0u\0workload') +
        request(39, '') +
        request(13, 'H:a:1\0r'),
      request(18, 'title\0u\0w') + request(15, 'H:a:1') + request(41, 'u') + request(16, 'echo'),
      `${request(22, 'id')}${request(26, 'exceptions')}${request(4, '')}status\r\nworkers\r\n`,
      'maxqueue title 1 2 3\r\ncreate function x\r\nshow jobs\r\ncancel job H:a:1\r\nprioritystatus\r\n',
    ],
    words: [
      ...[
        '\0REQ\0\0\0',
        '\0',
        '\0\0\0\0',
        '\0\0\0\x05',
        'title',
        'H:a:1',
        '\r\n',
        'status',
        'show ',
      ],
      ...[
        'maxqueue title ',
        'create function ',
        'drop function title',
        'cancel job ',
        'getpid',
        'verbose',
      ],
    ],
    run: (input) => sameHoweverCut(input, askGearmand),
  },
]
