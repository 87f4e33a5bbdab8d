import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '../..')
const PACKAGES = ['wire', 'memcache', 'gearman']

interface Walls {
  readonly overrides: readonly { readonly includes: readonly string[] }[]
}

const { overrides }: Walls = JSON.parse(readFileSync(path.join(ROOT, 'biome.walls.json'), 'utf8'))
const walled = new Set(overrides.flatMap(({ includes }) => includes))

/** Every folder of a package's sources that holds a source, as `src`, `src/servers`, ... */
function roomsOf(name: string): string[] {
  const top = path.join(ROOT, 'packages', name)
  const folders = readdirSync(path.join(top, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.relative(top, entry.parentPath))
  return [...new Set(folders)]
}

/** What the lint says of a tree with these files, each of which imports one thing. */
async function lint(
  imports: readonly (readonly [file: string, imported: string])[],
): Promise<string> {
  const tree = await mkdtemp(path.join(tmpdir(), 'walls-'))
  try {
    for (const name of ['biome.json', 'biome.walls.json']) {
      await copyFile(path.join(ROOT, name), path.join(tree, name))
    }
    for (const [file, imported] of imports) {
      await mkdir(path.join(tree, path.dirname(file)), { recursive: true })
      await writeFile(path.join(tree, file), `import '${imported}'\n`)
    }
    const biome = path.join(ROOT, 'node_modules/.bin/biome')
    const args = ['lint', '--vcs-enabled=false', '--only=style/noRestrictedImports', '.']
    return await new Promise((resolve) => {
      execFile(biome, args, { cwd: tree }, (_error, stdout, stderr) => resolve(stdout + stderr))
    })
  } finally {
    await rm(tree, { recursive: true })
  }
}

test.each(PACKAGES)('every folder of %s has its list of what it may import', (name) => {
  const bare = roomsOf(name).filter((room) => {
    return room === 'src'
      ? false
      : !walled.has(`**/packages/${name}/${room.split(path.sep).join('/')}/*.ts`)
  })
  expect(bare).toEqual([])
})

test('every file beside the folders has one too', () => {
  for (const name of ['memcache', 'gearman']) {
    const files = readdirSync(path.join(ROOT, 'packages', name, 'src')).filter((file) => {
      return /^(?!index\.)[^.]+\.ts$/.test(file)
    })
    for (const file of files) expect(walled).toContain(`**/packages/${name}/src/${file}`)
  }
})

test('an import over a wall is an error, and one that the list names is none', async () => {
  const bad = [
    ['packages/memcache/src/routing/new.ts', '../client.js'],
    ['packages/memcache/src/servers/order/new.ts', '../fleet.js'],
    ['packages/memcache/src/servers/new.ts', 'node:net'],
    ['packages/memcache/src/key.ts', './errors.js'],
    ['packages/gearman/src/worker/new.ts', '../client/task.js'],
    ['packages/gearman/src/protocol/new.ts', '@glammp/memcache'],
    ['packages/wire/src/time/new.ts', '../connection/connection.js'],
  ] as const
  const good = [
    ['packages/memcache/src/servers/good.ts', './order/request-order.js'],
    ['packages/memcache/src/commands/good.ts', '../leases/guard.js'],
    ['packages/gearman/src/worker/good.ts', '../sandbox/sandbox.js'],
    ['packages/wire/src/connection/good.ts', 'node:net'],
  ] as const
  const said = await lint([...bad, ...good])
  for (const [file] of bad) expect(said).toMatch(new RegExp(`${file}:1:8 lint/style/noRestr`))
  for (const [file] of good) expect(said).not.toContain(file)
})
