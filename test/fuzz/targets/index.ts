import type { Target } from '../engine/target.js'
import { gearmanPackets } from './gearman-packets.js'
import { memcacheReplies } from './memcache-replies.js'
import { servers } from './servers.js'
import { texts } from './texts.js'
import { values } from './values.js'

/** All decoders and readers. */
export const targets: readonly Target[] = [
  ...memcacheReplies,
  ...gearmanPackets,
  ...texts,
  ...values,
  ...servers,
]
