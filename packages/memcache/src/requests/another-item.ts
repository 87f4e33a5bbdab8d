import { Fault } from '@glammp/wire'
import type { Reply } from '../protocol/reply.js'

/** An item is not one that the request asked for, or comes a second time. */
export function anotherItem(): Fault {
  return new Fault('garbled', 'an item that was not asked for')
}

/**
 * @param before - what the same request was given already: a retrieval of one key has one item.
 * @throws Fault unless the reply is the item of this key, or does not say which one it is.
 */
export function checkItem(reply: Reply, wireKey: string, before: unknown): void {
  const isNamed = reply.name.present && !reply.name.is(wireKey)
  if (isNamed || before !== undefined) throw anotherItem()
}
