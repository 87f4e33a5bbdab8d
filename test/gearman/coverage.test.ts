import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'
import { run } from '../support/process.js'
import { waitFor } from '../support/wait.js'

// What the manual's tables of packets, of pecl-gearman and of admin commands promise.

const source = fileURLToPath(new URL('../../packages/gearman', import.meta.url))
const manual = readFileSync(join(source, 'README.md'), 'utf8')

/** The rows of the tables of a section whose last column is `test`, each as its cells. */
function rowsOf(title: string): string[][] {
  const section = manual.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? ''
  const tables = section.split(/\n{2,}/).filter((block) => /^\|.*\| test +\|$/m.test(block))
  return tables.flatMap((table) =>
    table
      .split('\n')
      .slice(2)
      .filter((line) => line.startsWith('|'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ),
  )
}

const named = (cell = ''): string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)

describe.each(['Every packet', 'Coming from PHP', 'Administration'])(
  'the tables of %s',
  (title) => {
    const rows = rowsOf(title)
    test('there are such', () => expect(rows.length).toBeGreaterThan(10))

    test.each(rows)('%s: its test exists', (...cells) => {
      const cell = cells.at(-1) ?? ''
      if (cell === '-') return
      const [, file = '', name = ''] = /^([\w-]+): (.+)$/.exec(cell) ?? []
      const path = join(import.meta.dirname, `${file}.test.ts`)
      expect(existsSync(path), cell).toBe(true)
      const text = readFileSync(path, 'utf8')
      expect(text.includes(`'${name}'`) || text.includes(`\`${name}\``), cell).toBe(true)
    })
  },
)

test('every packet of the protocol has a row', () => {
  const text = readFileSync(join(source, 'src/protocol/packet.ts'), 'utf8')
  const list = text.split('export const PacketType = {')[1]?.split('}')[0] ?? ''
  const packets = [...list.matchAll(/^ {2}([A-Z_]+): \d+,$/gm)].map(([, name]) => name)
  expect(packets).toHaveLength(41)
  const rows = rowsOf('Every packet').flatMap(([cell]) => named(cell))
  expect(rows.sort()).toEqual(packets.sort())
})

const reflection = `foreach (['Client', 'Task', 'Worker', 'Job'] as $class) {
  foreach ((new ReflectionClass("Gearman$class"))->getMethods() as $method) {
    if (!str_starts_with($method->name, '__')) echo $method->name, "\\n";
  }
}`

test('every method of pecl-gearman has a row', async (context) => {
  const php = await run('php', ['-r', reflection]).catch(() => undefined)
  context.skip(php?.code !== 0, 'php with the gearman extension is not installed')
  const rows = rowsOf('Coming from PHP').flatMap(([cell]) => named(cell))
  const methods = new Set(rows.map((name) => name.toLowerCase()))
  const missing = php?.stdout.split('\n').filter((name) => !methods.has(name.toLowerCase()))
  expect(missing).toEqual([''])
})

test('gearmand takes neither SUBMIT_JOB_SCHED nor ALL_YOURS', async () => {
  await using server = await startGearmand()
  for (const [type, body] of [
    [35, 'f\0u\x000\x000\x001\x001\x000\0x'],
    [24, ''],
  ] as const) {
    const header = Buffer.from('\0REQ\0\0\0\0\0\0\0\0', 'latin1')
    header.writeUInt32BE(type, 4)
    header.writeUInt32BE(body.length, 8)
    const socket = connect(server.port, server.host)
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.write(Buffer.concat([header, Buffer.from(body)]))
    await waitFor(() => answer.includes('INVALID_COMMAND'), { what: `a refusal of ${type}` })
    socket.destroy()
  }
})
