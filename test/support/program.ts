import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Options } from 'tsup'
import { type ProcessOptions, type RunningProcess, startProcess } from './process.js'
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Installed packages stay where they are, and a source file still knows its own place. */
const inPlace = {
  name: 'in-place',
  setup(build) {
    build.onResolve({ filter: /^[^.]/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === 'resolved' || from.kind === 'entry-point') return undefined
      const { importer, kind, resolveDir } = from
      const found = await build.resolve(path, {
        importer,
        kind,
        resolveDir,
        pluginData: 'resolved',
      })
      return { ...found, external: found.external || found.path.includes('/node_modules/') }
    })
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      const place = JSON.stringify(pathToFileURL(path).href)
      return { contents: source.replaceAll('import.meta.url', place), loader: 'ts' }
    })
  },
} satisfies NonNullable<Options['esbuildPlugins']>[number]

let directory: Promise<TemporaryDirectory> | undefined
const compiled = new Map<string, Promise<string>>()

const compile = async (path: string): Promise<string> => {
  directory ??= temporaryDirectory()
  const name = path.replaceAll(/\W/g, '-')
  const outDir = join((await directory).path, name)
  await build({
    config: false,
    silent: true,
    entry: { [basename(path, '.ts')]: join(ROOT, path) },
    outDir,
    format: ['esm'],
    outExtension: () => ({ js: '.mjs' }),
    target: 'node20',
    platform: 'node',
    splitting: false,
    esbuildPlugins: [inPlace],
  })
  return join(outDir, `${basename(path, '.ts')}.mjs`)
}

/** A TypeScript program of this repository, by its path from the root, as one file of JavaScript. */
export const programFile = (path: string): Promise<string> => {
  const file = compiled.get(path) ?? compile(path)
  compiled.set(path, file)
  return file
}

/**
 * Starts such a program. It is compiled once: `tsx` takes a second of a core at every start. Only one
 * whose threads load TypeScript themselves needs that.
 */
export const startProgram = async (
  path: string,
  args: readonly string[] = [],
  { tsx = false, ...options }: ProcessOptions & { readonly tsx?: boolean } = {},
): Promise<RunningProcess> => {
  const program = tsx ? ['--import', 'tsx', path] : [await programFile(path)]
  return startProcess(process.execPath, [...program, ...args], { cwd: ROOT, ...options })
}
