import { wrong } from '@glammp/wire'
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

/** @throws TypeError for an unknown name. */
export function distributionFactory(
  choice: DistributionName | DistributionFactory,
): DistributionFactory {
  if (typeof choice === 'function') return choice
  if (typeof choice === 'string' && Object.hasOwn(FACTORIES, choice)) return FACTORIES[choice]
  const names = Object.keys(FACTORIES).join(', ')
  throw new TypeError(wrong('distribution', `${names} or a function`, choice))
}
