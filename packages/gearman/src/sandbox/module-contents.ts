import type { JobHandler } from '../job.js'

/** What a module with handlers offers, however it was written and compiled. */
export interface ModuleContents {
  /** The functions that it exports under a name. */
  readonly named: ReadonlyMap<string, JobHandler<unknown>>
  /** The function that it exports as its default. */
  readonly standard: JobHandler<unknown> | undefined
  /** Its export `options`, unchanged. */
  readonly options: unknown
}

type Exports = Readonly<Record<string, unknown>>

/** The namespace, `module.exports`, and the default of an ES module that was compiled to CommonJS. */
const DEPTH = 3

/**
 * Reads what `import()` returned. A CommonJS module shows the whole of `module.exports` as the
 * default, and a compiled ES module has its own default in there. The outer exports take
 * precedence; classes are not handlers.
 */
export function moduleContents(exports: Exports): ModuleContents {
  const named = new Map<string, JobHandler<unknown>>()
  let standard: JobHandler<unknown> | undefined
  let options: unknown
  let layer: unknown = exports
  for (let depth = 0; depth < DEPTH && hasMembers(layer); depth += 1) {
    for (const [key, value] of Object.entries(layer)) {
      if (key === 'options') options ??= value
      else if (isHandler(value) && !UNNAMED.has(key) && !named.has(key)) named.set(key, value)
    }
    layer = Object.hasOwn(layer, 'default') ? layer['default'] : undefined
    if (isHandler(layer)) standard ??= layer
  }
  return { named, standard, options }
}

/** `module.exports` is how newer versions of Node name the whole of a CommonJS module. */
const UNNAMED: ReadonlySet<string> = new Set(['default', 'module.exports'])

function isHandler(value: unknown): value is JobHandler<unknown> {
  return typeof value === 'function' && !isClass(value)
}

function isClass(value: object): boolean {
  if (/^class\b/.test(Function.prototype.toString.call(value))) return true
  // One that was compiled to a function.
  const prototype: unknown = Object.getOwnPropertyDescriptor(value, 'prototype')?.value
  return (
    hasMembers(prototype) &&
    Object.hasOwn(prototype, 'constructor') &&
    Object.getOwnPropertyNames(prototype).length > 1
  )
}

function hasMembers(value: unknown): value is Exports {
  return typeof value === 'function' || (typeof value === 'object' && value !== null)
}
