import type { ServerAddress } from '@glammp/wire'
import { modula } from './modula.js'
import { fixedKetama, ketama } from './ring.js'

/** Says where each key lives. Pure: the same servers and key always give the same answer. */
export interface Distribution {
  /**
   * @param key - the key without its namespace, one character a byte (non-ASCII keys as UTF-8).
   * @returns the position of its server in the list that the distribution was made for.
   */
  pick(key: string): number
}

/** Makes a {@link Distribution} for a list of servers; called anew whenever the list changes. */
export type DistributionFactory = (servers: readonly ServerAddress[]) => Distribution

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
