import { listOf, monotonic } from '@glammp/wire'
import type { CommandContext } from '../dispatch/context.js'
import { type CallOptions, checkCall, route, routeNow, timeoutOf } from '../dispatch/route.js'
import { Turn } from '../dispatch/turn.js'
import { ClientError } from '../errors.js'
import { type Key, keyText } from '../key.js'
import { type Ttl, toExptime } from '../keys/ttl.js'
import { overtakeLoad } from '../leases/guard.js'
import { TouchRequest } from '../requests/item-request.js'
import {
  type Found,
  GetManyRequest,
  GetRequest,
  NO_CAS,
  type RereadOwner,
  type ValueWithCas,
} from '../requests/retrieval.js'
import type { Server } from '../servers/server.js'
import { togetherFailed } from './many.js'

/** The commands that read: `get`, `gets`, `getMany`, `getsMany`, `getAndTouch`, `touch`. */
export class Retrieval implements RereadOwner {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  // Not async: the request's own promise goes to the caller.
  get(key: Key, options: CallOptions | undefined): Promise<unknown> {
    try {
      checkCall('get', options)
      const { keys, transcoder } = this.#context
      const wireKey = keys.toWire(key, 'get')
      const request = new GetRequest('get', key, wireKey, transcoder)
      return route(this.#context, wireKey, request, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async getAndTouch(key: Key, ttl: Ttl, options: CallOptions | undefined): Promise<unknown> {
    const { keys, transcoder } = this.#context
    const wireKey = keys.toWire(key, 'getAndTouch')
    const exptime = toExptime(ttl)
    checkCall('getAndTouch', options)
    let value: unknown
    const send = async (call: CallOptions | undefined): Promise<boolean> => {
      const request = new GetRequest('getAndTouch', key, wireKey, transcoder, exptime)
      value = await routeNow(this.#context, wireKey, request, call)
      return value !== undefined
    }
    const change = { command: 'getAndTouch', key, wireKey, send, onlyIfFound: true }
    await overtakeLoad(this.#context, change, options)
    return value
  }

  async touch(key: Key, ttl: Ttl, options: CallOptions | undefined): Promise<boolean> {
    const { keys, chunks } = this.#context
    const wireKey = keys.toWire(key, 'touch')
    const exptime = toExptime(ttl)
    checkCall('touch', options)
    const send = (call: CallOptions | undefined): Promise<boolean> => {
      if (chunks !== undefined) return chunks.touch(key, wireKey, exptime, call)
      const request = new TouchRequest('touch', key, wireKey, exptime)
      return routeNow(this.#context, wireKey, request, call)
    }
    const change = { command: 'touch', key, wireKey, send, onlyIfFound: true }
    return overtakeLoad(this.#context, change, options)
  }

  async gets(
    key: Key,
    options: CallOptions | undefined,
  ): Promise<ValueWithCas<unknown> | undefined> {
    checkCall('gets', options)
    const [item] = await this.#read('gets', [key], options)
    if (item !== undefined) this.#checkToken('gets', key, item)
    return item
  }

  /** The values of the hits, in the order of the keys; keys asked for twice appear once. */
  async getMany(keys: Iterable<Key>, options: CallOptions | undefined): Promise<Map<Key, unknown>> {
    checkCall('getMany', options)
    const wanted = [...new Set(listOf('keys', keys))]
    const found = await this.#read('getMany', wanted, options)
    const values = new Map<Key, unknown>()
    for (let at = 0; at < wanted.length; at += 1) {
      const item = found[at]
      if (item !== undefined) values.set(wanted[at] as Key, item.value)
    }
    return values
  }

  /** As {@link getMany}, with the cas token for each value. */
  async getsMany(
    keys: Iterable<Key>,
    options: CallOptions | undefined,
  ): Promise<Map<Key, ValueWithCas<unknown>>> {
    checkCall('getsMany', options)
    const wanted = [...new Set(listOf('keys', keys))]
    const found = await this.#read('getsMany', wanted, options)
    const items = new Map<Key, ValueWithCas<unknown>>()
    for (let at = 0; at < wanted.length; at += 1) {
      const item = found[at]
      if (item === undefined) continue
      this.#checkToken('getsMany', wanted[at] as Key, item)
      items.set(wanted[at] as Key, item)
    }
    return items
  }

  // A server without tokens compares nothing: over text every `cas` would answer that somebody else
  // changed the item, over binary every one would store.
  #checkToken(command: string, key: Key, { cas }: ValueWithCas<unknown>): void {
    if (cas !== NO_CAS) return
    const server = this.#context.fleet.serverOf(this.#context.keys.toWire(key, command)).address
    const message = `${command} ${keyText(key)}: the server gives no cas tokens (-C)`
    throw new ClientError(message, { command, key, server: server.name })
  }

  /** What all servers found, aligned with the keys, each of which appears once. */
  async #read(
    command: 'gets' | 'getMany' | 'getsMany',
    wanted: readonly Key[],
    options: CallOptions | undefined,
  ): Promise<Found> {
    const { fleet, keys: rules, keyOrder } = this.#context
    const wireKeys = wanted.map((key) => rules.toWire(key, command))
    // Nothing is awaited without need: a later call must not be sent before this one.
    const ready = fleet.ready(options?.signal)
    const turn = keyOrder.enter(wireKeys, ready !== undefined)
    const own =
      turn && ready === undefined ? this.#turn(command, wanted, wireKeys, options) : undefined
    const leave = turn && (own === undefined ? await turn : await own.orLeave(turn))
    let groups = new Map<Server, Group>()
    const copies = new Map<number, number>()
    let answers: Promise<Found>[] = []
    try {
      if (ready !== undefined) await ready
      groups = this.#groupByServer(wanted, wireKeys, copies)
      answers = this.#ask(groups, command, own === undefined ? options : own.begin())
    } finally {
      leave?.()
    }
    const outcomes = await Promise.allSettled(answers)
    const [whole] = outcomes
    const isWhole = outcomes.length === 1 && copies.size === 0
    if (isWhole && whole?.status === 'fulfilled') return whole.value
    const parts = [...groups.values()]
    const found: Found = new Array(wanted.length).fill(undefined)
    for (const [part, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected') {
        throw togetherFailed(
          command,
          outcomes,
          parts.map((group) => group.keys),
        )
      }
      const { positions } = parts[part] as Group
      const items = outcome.value
      for (let at = 0; at < items.length; at += 1) found[positions[at] as number] = items[at]
    }
    for (const [position, first] of copies) found[position] = found[first]
    return found
  }

  #turn(
    command: string,
    keys: readonly Key[],
    [wireKey = '']: readonly string[],
    options: CallOptions | undefined,
  ): Turn {
    return new Turn(this.#context, wireKey, { command, keys }, options)
  }

  #ask(
    groups: ReadonlyMap<Server, Group>,
    command: string,
    options: CallOptions | undefined,
  ): Promise<Found>[] {
    const timeout = timeoutOf(this.#context, options)
    const { transcoder } = this.#context
    return [...groups].map(([server, { keys, wireKeys }]) => {
      const withCas = command !== 'getMany'
      const request = new GetManyRequest(command, keys, wireKeys, transcoder, withCas)
      request.second = this
      return server.submit<Found>(request, timeout, options?.signal)
    })
  }

  readAgain(part: GetManyRequest, due: number): Promise<Found> {
    const [wireKey = ''] = part.wireKeys
    const remaining = Math.max(1, Math.ceil(due - monotonic()))
    part.course.patient = true
    return this.#context.fleet.serverOf(wireKey).submit<Found>(part, remaining)
  }

  /**
   * @param copies - receives the positions of keys that are sent in the same form as another one,
   *   with the position of that one: objects of equal bytes. Servers are asked once.
   */
  #groupByServer(
    keys: readonly Key[],
    wireKeys: readonly string[],
    copies: Map<number, number>,
  ): Map<Server, Group> {
    const groups = new Map<Server, Group>()
    const firsts = keys.every(isString) ? undefined : new Map<string, number>()
    let last: Server | undefined
    let group: Group | undefined
    for (let position = 0; position < keys.length; position += 1) {
      const key = keys[position] as Key
      const wireKey = wireKeys[position] as string
      const first = firsts?.get(wireKey)
      if (first !== undefined) {
        copies.set(position, first)
        continue
      }
      firsts?.set(wireKey, position)
      const server = this.#context.fleet.serverOf(wireKey)
      if (server !== last) group = groups.get(server)
      last = server
      if (group === undefined) {
        group = { keys: [], wireKeys: [], positions: [] }
        groups.set(server, group)
      }
      group.keys.push(key)
      group.wireKeys.push(wireKey)
      group.positions.push(position)
    }
    return groups
  }
}

function isString(key: Key): boolean {
  return typeof key === 'string'
}

/** The keys of one server, as given and as they are sent. */
interface Group {
  readonly keys: Key[]
  readonly wireKeys: string[]
  /** Their positions among the keys of the call. */
  readonly positions: number[]
}
