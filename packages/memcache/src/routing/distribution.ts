import type { ServerAddress } from '@glammp/wire'

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
