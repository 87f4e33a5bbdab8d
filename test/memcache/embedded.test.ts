import { MemcachedServer } from '@glammp/memcache/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { startMemcached } from '../support/memcached.js'
import { serversAreReal } from '../support/server-source.js'
import { type RawCommand, sequences } from './raw-commands.js'
import { RawConnection } from './raw-connection.js'
import { FORGET, ITEM_SIZE } from './raw-words.js'

/** How many random sequences both servers are asked. */
const RUNS = Number(process.env['GLAMMP_DIFFERENTIAL_RUNS'] ?? 400)

/** Times that are over are counted from the start of a server. */
const comparable = (answers: string): string =>
  answers.replace(/\bt42949\d{5}\b/g, 'tPAST').replace(/\bexp=\d+/g, 'exp=PAST')

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
})

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
