import { basename, extname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { FunctionOptions, JobHandler } from '@glammp/gearman'
import { messageOf } from '@glammp/wire'
import { moduleContents } from '../sandbox/module-contents.js'
import { UsageError } from './command-line.js'

/** A function as a module exports it. */
export interface Handler {
  readonly name: string
  readonly handle: JobHandler
  /** The module as a `file:` URL. */
  readonly module: URL
  readonly options: FunctionOptions
}

/** Milliseconds after which a module that is still loading is reported. */
const LONG = 10_000

/**
 * The handlers of all modules: each exported function under its name, a default export under the
 * file's; the settings of a module's functions are its export `options`.
 *
 * @param slow - called for a module that takes long to load.
 * @throws {@link UsageError}
 */
export async function loadHandlers(
  modules: readonly string[],
  slow: (path: string) => void,
): Promise<Handler[]> {
  const all = new Map<string, Handler>()
  for (const path of modules) {
    const module = urlOf(path)
    const { options, functions } = await load(path, module, slow)
    if (functions.size === 0) throw new UsageError(`${path} exports no function`)
    for (const [name, handle] of functions) {
      const other = all.get(name)
      if (other !== undefined)
        throw new UsageError(`${name} is exported by both ${other.module} and ${module}`)
      all.set(name, { name, handle, module, options })
    }
  }
  return [...all.values()]
}

function urlOf(path: string): URL {
  if (!path.startsWith('file:')) return pathToFileURL(resolve(path))
  try {
    return new URL(path)
  } catch (cause) {
    throw new UsageError(`${path} is not a URL`, { cause })
  }
}

interface Contents {
  readonly options: FunctionOptions
  readonly functions: ReadonlyMap<string, JobHandler>
}

async function load(path: string, module: URL, slow: (path: string) => void): Promise<Contents> {
  const timer = setTimeout(slow, LONG, path).unref()
  let idle = (): void => {}
  const stuck = new Promise<never>((_, reject) => {
    idle = () =>
      reject(new UsageError(`${path} never finishes loading: nothing is left to wait for`))
  })
  process.once('beforeExit', idle)
  try {
    return read(await Promise.race([import(module.href), stuck]), module, path)
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    throw new UsageError(`${path} cannot be loaded: ${describe(cause)}`, { cause })
  } finally {
    clearTimeout(timer)
    process.removeListener('beforeExit', idle)
  }
}

function describe(cause: unknown): string {
  return (cause instanceof Error && cause.stack) || messageOf(cause)
}

function read(exports: Readonly<Record<string, unknown>>, module: URL, path: string): Contents {
  const { named, standard, options = {} } = moduleContents(exports)
  const functions = new Map(named)
  const file = fileURLToPath(module)
  const fileName = basename(file, extname(file))
  if (standard !== undefined && !named.has(fileName)) functions.set(fileName, standard)
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(`the options of ${path} are an object`)
  }
  return { options, functions }
}
