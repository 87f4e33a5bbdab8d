import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** A `ts` block of a document. One marked `ts no-run` is checked for its types alone. */
export interface Snippet {
  /** `README.md:12`: the document, and the first line of the block in it. */
  readonly where: string
  readonly code: string
  readonly runs: boolean
}

export const readSnippets = async (document: string): Promise<Snippet[]> => {
  const text = await readFile(join(root, document), 'utf8')
  return [...text.matchAll(/^```ts( no-run)?\n(.*?)^```$/gms)].map((match) => ({
    where: `${document}:${text.slice(0, match.index).split('\n').length + 1}`,
    code: match[2] ?? '',
    runs: match[1] === undefined,
  }))
}

/** What the documents leave out after their first example: the clients, by their usual names. */
const CAST = [
  {
    name: 'cache',
    start:
      "import { MemcacheClient } from '@glammp/memcache'\nconst cache = new MemcacheClient()\n",
    end: '\nawait cache.close()\n',
  },
  {
    name: 'client',
    start: "import { GearmanClient } from '@glammp/gearman'\nconst client = new GearmanClient()\n",
    end: '\nawait client.close()\n',
  },
] as const

/**
 * The snippet as a module of its own. `await cache.get('a') // => 'b'` is a promise of the document
 * that the program keeps: it becomes an assertion, as does `const value = ... // => ...`.
 */
const toModule = (code: string): string => {
  const missing = CAST.filter(
    ({ name }) => new RegExp(`\\b${name}\\.`).test(code) && !new RegExp(`\\b${name} =`).test(code),
  )
  const body = code
    .replace(
      /^( *)const (\w+)(: [^=]+)? = (.+?) +\/\/ => (.+)$/gm,
      '$1const $2$3 = $4; isThat($2, $5)',
    )
    .replace(/^( *)(?!const )(\S.*?) +\/\/ => (.+)$/gm, '$1isThat($2, $3)')
  return [
    "import { deepStrictEqual as isThat } from 'node:assert/strict'\n",
    ...missing.map(({ start }) => start),
    body,
    ...missing.map(({ end }) => end),
    // A module also where the snippet imports nothing, and `isThat` is used.
    'void isThat\nexport {}\n',
  ].join('')
}

/** The name of a snippet that begins with `// page.ts`: it is a whole file, which others may import. */
const nameOf = (code: string): string | undefined => /^\/\/ (\S+\.ts)\n/.exec(code)?.[1]

/** Writes the snippets as modules, and a program that runs those that run, one after the other. */
export const writeProgram = async (
  directory: string,
  snippets: readonly Snippet[],
  adapt: (code: string) => string,
): Promise<string> => {
  await mkdir(directory, { recursive: true })
  const lines = ['let failed = 0']
  for (const [index, { where, code, runs }] of snippets.entries()) {
    const name = nameOf(code)
    const module = name === undefined ? toModule(code) : code
    await writeFile(join(directory, name ?? `snippet-${index}.ts`), adapt(module))
    if (!runs) continue
    const report = `(error: unknown) => { failed += 1; console.error('${where}:', error) }`
    lines.push(`await import('./snippet-${index}.js').catch(${report})`)
  }
  lines.push('process.exit(failed)', 'export {}\n')
  const program = join(directory, 'run.ts')
  await writeFile(program, lines.join('\n'))
  return program
}
