import { InvalidArgumentError } from '../errors.js'
import type { JobHandler } from '../jobs/functions.js'

/**
 * The handler of a function in a module: the export of its name, else the default one. A CommonJS
 * module shows the whole of `module.exports` as the default.
 *
 * @throws {@link InvalidArgumentError} where there is none.
 */
export function findHandler(
  exports: Readonly<Record<string, unknown>>,
  name: string,
  module: string,
): JobHandler<unknown> {
  const { default: standard } = exports
  const nested = isObject(standard) ? standard : {}
  const handler = [exports[name], standard, nested[name], nested['default']].find(isHandler)
  if (handler !== undefined) return handler
  throw new InvalidArgumentError(
    `${module} exports neither a function ${name} nor a default function`,
    { function: name },
  )
}

function isHandler(value: unknown): value is JobHandler<unknown> {
  return typeof value === 'function'
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
