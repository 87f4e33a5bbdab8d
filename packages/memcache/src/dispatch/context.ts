import type { KeyRules } from '../keys/key-rules.js'
import type { Envelope } from '../values/envelope.js'
import type { Chunks } from './chunks.js'
import type { RouteContext } from './route.js'

/** What the commands work with: they encode, route and decode, and hold nothing themselves. */
export interface CommandContext extends RouteContext {
  readonly keys: KeyRules
  readonly transcoder: Envelope
  /** Bytes of the largest encoded value. */
  readonly maxValueSize: number
  /** What stores values over the item size; `undefined`: they are refused. */
  readonly chunks: Chunks | undefined
}
