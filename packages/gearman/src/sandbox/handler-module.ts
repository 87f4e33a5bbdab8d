import { InvalidArgumentError } from '../errors.js'
import type { JobHandler } from '../job.js'
import { moduleContents } from './module-contents.js'

/**
 * The handler of a function in a module: the export of its name, else the default one.
 *
 * @throws {@link InvalidArgumentError} if there is none.
 */
export function findHandler(
  exports: Readonly<Record<string, unknown>>,
  name: string,
  module: string,
): JobHandler<unknown> {
  const { named, standard } = moduleContents(exports)
  const handler = named.get(name) ?? standard
  if (handler !== undefined) return handler
  throw new InvalidArgumentError(
    `${module} exports neither a function ${name} nor a default function`,
    { function: name },
  )
}
