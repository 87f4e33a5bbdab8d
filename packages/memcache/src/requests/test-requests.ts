import { latin1 } from '@glammp/wire'
import { DeletionRequest } from './item-request.js'
import { GetRequest } from './retrieval.js'
import { StorageRequest } from './storage.js'

/** A `get` whose value is the text of the item. */
export function getOf(key: string): GetRequest {
  const decode = (_flags: number, bytes: Buffer, start: number, end: number): string =>
    latin1(bytes, start, end)
  return new GetRequest('get', key, key, { decode })
}

/** A `delete`: a change that carries no block. */
export function deletionOf(key: string): DeletionRequest {
  return new DeletionRequest('delete', key, key)
}

/** A `set`, which resolves to whether the value was stored. */
export function setOf(key: string, data: string): StorageRequest<boolean> {
  const fields = { mode: 'set', key, data, flags: 0, exptime: 0, cas: '' } as const
  return new StorageRequest('set', key, fields, (stored) => stored === 'stored')
}
