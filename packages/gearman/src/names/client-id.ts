import { wrong } from '@glammp/wire'
import { InvalidArgumentError } from '../errors.js'

/** @throws {@link InvalidArgumentError} for a name that gearmand's lists cannot hold. */
export function checkClientId(id: string | undefined): string | undefined {
  if (id === undefined) return undefined
  // White space would break gearmand's `workers` list.
  if (typeof id !== 'string' || !/^[\x21-\x7e]{1,127}$/.test(id)) {
    throw new InvalidArgumentError(
      wrong('clientId', '1 to 127 printable ASCII characters without spaces', id),
    )
  }
  return id
}
