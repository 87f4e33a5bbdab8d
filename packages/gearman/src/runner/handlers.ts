import { basename, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FunctionOptions, JobHandler } from '@glammp/gearman'
import { UsageError } from './command-line.js'

/** A function as a module exports it. */
export interface Handler {
  readonly name: string
  readonly handle: JobHandler
  /** The module as a `file:` URL. */
  readonly module: URL
  readonly options: FunctionOptions
}

/**
 * The handlers of all modules: each exported function under its name, a default one under the
 * file's; the settings of a module's functions are its export `options`.
 *
 * @throws {@link UsageError}
 */
export async function loadHandlers(modules: readonly string[]): Promise<Handler[]> {
  const all = new Map<string, Handler>()
  for (const path of modules) {
    const module = pathToFileURL(resolve(path))
    const { options, functions } = read(await load(path, module), path)
    if (functions.size === 0) throw new UsageError(`${path} exports no function`)
    for (const [name, handle] of functions) {
      const other = all.get(name)
      if (other !== undefined)
        throw new UsageError(`${name} is in ${other.module} and in ${module}`)
      all.set(name, { name, handle, module, options })
    }
  }
  return [...all.values()]
}

type Exports = Readonly<Record<string, unknown>>

async function load(path: string, module: URL): Promise<Exports> {
  try {
    return await import(module.href)
  } catch (cause) {
    throw new UsageError(`${path} cannot be loaded: ${describe(cause)}`, { cause })
  }
}

function describe(cause: unknown): string {
  return (cause instanceof Error && cause.stack) || String(cause)
}

interface Contents {
  readonly options: FunctionOptions
  readonly functions: ReadonlyMap<string, JobHandler>
}

function read(exports: Exports, path: string): Contents {
  const { default: standard } = exports
  // A CommonJS module shows the whole of `module.exports` as the default.
  const nested = isObject(standard) ? standard : {}
  const functions = new Map<string, JobHandler>()
  const fileName = basename(path, extname(path))
  for (const [key, value] of Object.entries({ ...nested, ...exports })) {
    if (isHandler(value) && key !== 'module.exports') {
      functions.set(key === 'default' ? fileName : key, value)
    }
  }
  const options = exports['options'] ?? nested['options'] ?? {}
  if (!isObject(options)) throw new UsageError(`the options of ${path} are an object`)
  return { options, functions }
}

function isHandler(value: unknown): value is JobHandler {
  return typeof value === 'function'
}

function isObject(value: unknown): value is Exports {
  return typeof value === 'object' && value !== null
}
