import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'
import { guardDirectory } from '../support/guardian.js'
import { startMemcached } from '../support/memcached.js'
import { run } from '../support/process.js'
import { startProgram } from '../support/program.js'
import { serversAreControllable } from '../support/server-source.js'
import { readSnippets, root, writeProgram } from './snippets.js'

const markdown = async (directory: string): Promise<string[]> =>
  (await readdir(join(root, directory)))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(directory, name))

const packages = ['memcache', 'gearman'].map((name) => `packages/${name}/README.md`)
const documents: string[] = [
  ...(await markdown('.')),
  ...(await markdown('docs')),
  ...packages.filter((path) => existsSync(join(root, path))),
]

// Inside the repository: the snippets import the packages by name, as their readers do.
let directory = ''
beforeAll(async () => {
  await mkdir(join(root, '.glammp'), { recursive: true })
  directory = await mkdtemp(join(root, '.glammp', 'snippets-'))
  guardDirectory(directory)
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const folderOf = (document: string): string => join(directory, document.replaceAll(/\W/g, '-'))

describe.skipIf(!serversAreControllable)('the snippets of', () => {
  test.each(documents)('%s do what it says', { timeout: 90_000 }, async (document) => {
    const snippets = await readSnippets(document)
    if (!snippets.some(({ runs }) => runs)) return
    await using first = await startMemcached()
    await using second = await startMemcached()
    await using third = await startMemcached()
    await using gearmand = await startGearmand()
    const adapt = (code: string): string =>
      code
        .replaceAll('localhost:11211', first.address)
        .replaceAll('localhost:11212', second.address)
        .replaceAll('192.168.0.10:11212', third.address)
        .replaceAll(
          "host: '192.168.0.10', port: 11212",
          `host: '${third.host}', port: ${third.port}`,
        )
        .replaceAll('localhost:4730', gearmand.address)
    const program = await writeProgram(folderOf(document), snippets, adapt)
    const running = await startProgram(relative(root, program), [], {
      env: {
        MEMCACHED_SERVERS: `${first.address},${second.address},${third.address}`,
        GEARMAN_SERVERS: gearmand.address,
      },
      timeout: 80_000,
    })
    const { code, stderr } = await running.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

test('the snippets of all documents have the right types', { timeout: 180_000 }, async () => {
  for (const document of documents) {
    await writeProgram(folderOf(document), await readSnippets(document), (code) => code)
  }
  const config = join(directory, 'tsconfig.json')
  await writeFile(config, JSON.stringify({ extends: '../../tsconfig.json', include: ['**/*.ts'] }))
  const compiler = join(root, 'test/packaging/node_modules/typescript-newest/bin/tsc')
  const { code, stdout } = await run(process.execPath, [compiler, '-p', config], {
    cwd: root,
    timeout: 170_000,
  })
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
})

test.each(documents)('the links of %s lead somewhere', (document) => {
  const text = readFileSync(join(root, document), 'utf8')
  const anchors = new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
  for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target)) continue
    const [path, anchor] = target.split('#')
    if (path) expect(existsSync(join(root, dirname(document), path)), target).toBe(true)
    else expect([...anchors], target).toContain(anchor)
  }
})
