import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MemcachedServer, type MemcachedServerOptions } from '@glammp/memcache/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { startMemcached } from '../support/memcached.js'
import { serversAreReal } from '../support/server-source.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { type RawCommand, sequences } from './raw-commands.js'
import { RawConnection } from './raw-connection.js'
import { FORGET, ITEM_SIZE } from './raw-words.js'

/** How many random sequences both servers are asked. */
const RUNS = Number(process.env['GLAMMP_DIFFERENTIAL_RUNS'] ?? 400)

/** Moments since 1970 are seconds of a server whose own seconds began with it. */
const comparable = (answers: string): string =>
  answers.replace(/\b(t|exp=-)\d{8,10}\b/g, '$1FAR').replace(/\bexp=\d+/g, 'exp=PAST')

/** What a server answers to a sequence. */
async function answersTo(
  address: { readonly host: string; readonly port: number },
  commands: readonly RawCommand[],
  pauses: readonly number[],
): Promise<string> {
  await using connection = await RawConnection.open(address)
  await connection.ask(`flush_all\r\n${FORGET}`)
  for (const { text, casOf, plus = 0 } of commands) {
    if (casOf !== undefined && text.includes('CAS')) {
      const cas = /^HD c(\d+)/m.exec(await connection.ask(`mg ${casOf} c\r\n`))?.[1] ?? '1'
      connection.add(text.replace('CAS', String(Math.max(0, Number(cas) + plus))))
    } else {
      connection.add(text)
    }
  }
  await connection.ask('', pauses)
  return comparable(connection.answers)
}

describe.skipIf(!serversAreReal)('the server in the process and a real one', () => {
  test('answer the same to whatever they are sent', { timeout: 3_600_000 }, async () => {
    await using real = await startMemcached({
      args: ['-I', String(ITEM_SIZE), '-o', `slab_chunk_max=${ITEM_SIZE / 2}`],
    })
    await using embedded = await MemcachedServer.start({ itemSize: ITEM_SIZE })
    const differ = async ({
      commands,
      pauses,
    }: {
      commands: readonly RawCommand[]
      pauses: readonly number[]
    }) => {
      await alignCas(real, embedded)
      const [wanted, got] = await Promise.all(
        [real, embedded].map((server) => answersTo(server, commands, pauses)),
      )
      return wanted === got ? undefined : { wanted: wanted as string, got: got as string }
    }
    await fc.assert(
      fc.asyncProperty(sequences, async (sequence) => {
        // The second of one of them may have ended in between.
        let found = await differ(sequence)
        for (let again = 0; again < 2 && found !== undefined; again += 1)
          found = await differ(sequence)
        if (found !== undefined) expect(found.got.split('\r\n')).toEqual(found.wanted.split('\r\n'))
      }),
      { numRuns: RUNS },
    )
  })

  const padding = 'k '.repeat(4_000)
  test.each([
    ['a long line of keys', [`get ${padding.repeat(3)}\r\n`]],
    ['a line that is whole', [`mg ${padding}\r\n`, 'mn\r\n']],
    ['a line of more than it reads at once', [`mg ${padding.repeat(3)}\r\n`]],
    ['a line without an end', ['mn\r\n', 'x'.repeat(2_049)]],
    ['keys behind too much space', [`${' '.repeat(101)}get ${padding.repeat(3)}\r\n`]],
    ['keys behind some space', [`${' '.repeat(100)}get ${padding.repeat(3)}\r\n`]],
    ['quit', ['mn\r\n', 'quit noreply\r\n']],
  ])('agree on %s', (_, steps) => converse({}, [], steps))

  test('agree on who may in', async () => {
    await using directory = await temporaryDirectory()
    const path = join(directory.path, 'users')
    await writeFile(path, 'ivo:patins\n')
    const auth = { username: 'ivo', password: 'patins' }
    await converse(
      { auth },
      ['-Y', path],
      [
        ...[
          'version\r\nmn\r\n',
          'set a 0 0 x\r\n',
          'set a 0 0\r\n',
          '\r\n',
          'ms a 10\r\n',
          'x\0y\r\n',
        ],
        ...[
          'set a 0 0 10 noreply\r\nivo wrongg\r\n',
          'set a 0 0 3\r\nivo\r\n',
          'set a 0 0 3\r\nivo!!',
        ],
        ...['set a 0 0 5\nivopatins\r\n', 'mn\r\nset b x x 12\r\nivo  patins \r\nget b\r\n'],
        ...['set b 0 0 10\r\nivo patins\r\n', 'get b\r\n'],
      ],
    )
    await converse(
      { auth },
      ['-Y', path],
      ['version\r\n', `set a 0 0 17000\r\n${'x'.repeat(17_000)}`],
    )
  })
})

/** Each step is answered, or ends the connection. */
async function converse(
  options: MemcachedServerOptions,
  args: readonly string[],
  steps: readonly string[],
): Promise<void> {
  await using real = await startMemcached({ args })
  await using embedded = await MemcachedServer.start(options)
  const [wanted, got] = await Promise.all(
    [real, embedded].map(async (server) => {
      await using connection = await RawConnection.open(server)
      const heard: string[] = []
      for (const step of steps) heard.push(await connection.step(step))
      return heard
    }),
  )
  expect(got).toEqual(wanted)
}

type Server = Parameters<typeof answersTo>[0]

/** Makes the next cas number of both the same. */
async function alignCas(...servers: readonly Server[]): Promise<void> {
  const numbers: number[] = []
  for (const server of servers) {
    await using connection = await RawConnection.open(server)
    const most = Math.max(0, ...numbers)
    for (;;) {
      const cas = Number(/c(\d+)/.exec(await connection.ask('ms align 0 c\r\n\r\n'))?.[1])
      if (cas < most) continue
      numbers.push(cas)
      break
    }
  }
  if (new Set(numbers).size > 1) await alignCas(...[...servers].reverse())
}
