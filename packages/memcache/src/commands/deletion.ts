import { listOf } from '@glammp/wire'
import type { Fate } from '../dispatch/chunks.js'
import type { CommandContext } from '../dispatch/context.js'
import { type CallOptions, checkCall, routeNow } from '../dispatch/route.js'
import type { Key } from '../key.js'
import { overtakeLoad } from '../leases/guard.js'
import { DeletionRequest } from '../requests/item-request.js'
import { togetherFailed } from './many.js'

/** The commands that delete. */
export class Deletion {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  async delete(key: Key, options: CallOptions | undefined): Promise<boolean> {
    checkCall('delete', options)
    const wireKey = this.#context.keys.toWire(key, 'delete')
    return this.#send('delete', key, wireKey, options, false)
  }

  async deleteMany(keys: Iterable<Key>, options: CallOptions | undefined): Promise<number> {
    checkCall('deleteMany', options)
    const wanted = [...new Set(listOf('keys', keys))]
    // All of them are checked before the first is sent.
    const wireKeys = wanted.map((key) => this.#context.keys.toWire(key, 'deleteMany'))
    const outcomes = await Promise.allSettled(
      wanted.map((key, index) =>
        this.#send('deleteMany', key, wireKeys[index] as string, options, true),
      ),
    )
    const failure = togetherFailed(
      'deleteMany',
      outcomes,
      wanted.map((key) => [key]),
    )
    if (failure !== undefined) throw failure
    return outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length
  }

  #send(
    command: string,
    key: Key,
    wireKey: string,
    options: CallOptions | undefined,
    patient: boolean,
  ): Promise<boolean> {
    const change = {
      command,
      key,
      wireKey,
      send: (call: CallOptions | undefined) => this.#sendOnce(command, key, wireKey, call, patient),
      onlyIfFound: false,
      patient,
    }
    return overtakeLoad(this.#context, change, options)
  }

  #sendOnce(
    command: string,
    key: Key,
    wireKey: string,
    options: CallOptions | undefined,
    patient: boolean,
  ): Promise<boolean> {
    const { chunks } = this.#context
    const send = (): Promise<boolean> => {
      const request = new DeletionRequest(command, key, wireKey)
      request.course.patient = patient
      return routeNow(this.#context, wireKey, request, options)
    }
    if (chunks === undefined) return send()
    const sending = { call: options, way: routeNow, patient }
    const fateOf = (removed: boolean): Fate => (removed ? 'gone' : 'stays')
    return chunks.replacing({ command, key }, wireKey, sending, send, fateOf)
  }
}
