import { OptionRules, wrong } from '@glammp/wire'
import type { CodecOption } from './codec.js'
import { InvalidArgumentError } from './errors.js'
import { checkCodec, checkOptions } from './options.js'

/** Settings that both sides of a job type share. */
export interface JobDefinitionOptions {
  /** How workload and result are encoded; the client's and worker's own codec if absent. */
  readonly codec?: CodecOption | undefined
}

/** A job type declared once and used by client and worker. */
export interface JobDefinition<Input, Output> extends JobDefinitionOptions {
  /** The function name without the namespace. */
  readonly name: string
  /** Never set: carries the types. @internal */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined
}

/** A function by its name, or by its definition. */
export type FunctionReference<Input, Output> = string | JobDefinition<Input, Output>

const RULES = new OptionRules<JobDefinitionOptions>({ codec: checkCodec })

/**
 * Declares a job type, so that `client.do(resize, input)` and `worker.addFunction(resize, handler)`
 * are checked against one pair of types and use one codec.
 *
 * @throws InvalidArgumentError
 */
export function defineJob<Input, Output>(
  name: string,
  options: JobDefinitionOptions = {},
): JobDefinition<Input, Output> {
  if (typeof name !== 'string' || name === '') {
    throw new InvalidArgumentError(
      wrong('a function name', 'a string of at least one character', name),
    )
  }
  checkOptions('defineJob', RULES, options, name)
  return Object.freeze({ name, ...options })
}
