import { wrong } from '@glammp/wire'
import { InvalidArgumentError } from '../errors.js'
import { resolveServers } from '../options.js'

/** gearmand 1.1.20 leaves GET_STATUS of a handle of 64 bytes or more without any answer. */
const MAX_HANDLE = 63

/** A job handle taken apart. */
export interface JobHandle {
  /** `host:port` of the job server; `undefined` if only its own part was given. */
  readonly server: string | undefined
  /** What gearmand calls the job, for example `H:worker1:42`. */
  readonly local: string
}

/** The handle for callers: with it another process can ask the right server. */
export function formatHandle(server: string, local: string): string {
  return `${server}//${local}`
}

/**
 * Reads `host:port//H:name:1` or a bare `H:name:1`.
 *
 * @throws {@link InvalidArgumentError} if gearmand would not answer.
 */
export function parseHandle(handle: string): JobHandle {
  if (typeof handle !== 'string')
    throw new InvalidArgumentError(wrong('a job handle', 'a string', handle))
  // From the right: a path of a unix socket has slashes too, gearmand's own part has none in pairs.
  const split = handle.lastIndexOf('//')
  const local = split === -1 ? handle : handle.slice(split + 2)
  if (!/^[\x21-\x7e]+$/.test(local) || local.length > MAX_HANDLE) {
    throw new InvalidArgumentError(
      `not a job handle (1 to ${MAX_HANDLE} printable characters after the server): ${JSON.stringify(handle)}`,
    )
  }
  return { server: split === -1 ? undefined : handle.slice(0, split), local }
}

/**
 * The servers that may know a job: the one of its handle, or all if the handle names none. Each
 * gearmand of a host counts its handles from 1, so that on another server the same name is another
 * job.
 *
 * @throws {@link InvalidArgumentError} if the handle's server is not one of them.
 */
export function serversOf<T extends { readonly name: string }>(
  { server, local }: JobHandle,
  servers: readonly T[],
): readonly T[] {
  if (server === undefined) return servers
  const found = servers.find(({ name }) => name === server || name === nameOf(server))
  if (found !== undefined) return [found]
  const names = servers.map(({ name }) => name).join(', ')
  throw new InvalidArgumentError(
    `the job is on ${JSON.stringify(server)}, and the servers here are ${names}; give ${local} alone to ask all of them`,
    { handle: formatHandle(server, local) },
  )
}

/** It may be written in another way, such as without the port. */
function nameOf(server: string): string | undefined {
  try {
    return resolveServers(server)[0]?.name
  } catch {
    return undefined
  }
}

/** A handle as it came from the wire: gearmand 1.1.20 ends the one of some WORK_FAILs with a NUL. */
export function withoutNuls(handle: string): string {
  let end = handle.length
  while (end > 0 && handle.charCodeAt(end - 1) === 0) end -= 1
  return end === handle.length ? handle : handle.slice(0, end)
}
