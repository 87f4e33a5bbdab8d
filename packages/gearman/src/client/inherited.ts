import type { JobOptions } from './job-order.js'

/** All names of options: a Record, so that one that is missing does not compile. */
const NAMES: Readonly<Record<keyof JobOptions, true>> = {
  unique: true,
  priority: true,
  background: true,
  timeout: true,
  signal: true,
  onStatus: true,
  onData: true,
  onWarning: true,
  codec: true,
  length: true,
  retries: true,
  reducer: true,
}

/**
 * A copy of options that includes the inherited ones, which a plain copy lacks: getters of a class
 * count, as they do where options are read without a copy.
 */
export function inherited<T extends object>(copy: T, from: object): T & JobOptions {
  if (Object.getPrototypeOf(from) === Object.prototype) return copy
  const whole = { ...copy } as Record<string, unknown>
  for (const name of Object.keys(NAMES)) {
    if (!(name in whole)) whole[name] = (from as Record<string, unknown>)[name]
  }
  return whole as T & JobOptions
}
