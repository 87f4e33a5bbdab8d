import type { DistributionFactory } from './distribution.js'
import { modula } from './modula.js'
import { fixedKetama, ketama } from './ring.js'

/** The distributions known by name. */
export type DistributionName = 'ketama' | 'ketama-fixed' | 'modula'

const FACTORIES: Readonly<Record<DistributionName, DistributionFactory>> = {
  ketama,
  'ketama-fixed': fixedKetama,
  modula,
}

/** @throws TypeError for a name that is none of ours. */
export function distributionFactory(
  choice: DistributionName | DistributionFactory,
): DistributionFactory {
  if (typeof choice === 'function') return choice
  const factory = Object.hasOwn(FACTORIES, choice) ? FACTORIES[choice] : undefined
  if (factory === undefined) {
    throw new TypeError(
      `distribution is ${Object.keys(FACTORIES).join(', ')} or a function; not '${choice}'`,
    )
  }
  return factory
}
