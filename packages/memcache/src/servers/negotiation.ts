import { type Deadlines, Fault } from '@glammp/wire'
import { ClientError } from '../errors.js'
import { classicProtocol } from '../protocol/classic.js'
import { LineRequest } from '../protocol/line-request.js'
import { metaProtocol } from '../protocol/meta.js'
import type { Protocol } from '../protocol/request.js'
import { exchange } from './exchange.js'
import type { Session } from './session.js'

/** First version whose meta commands have their final syntax and codes. */
const META_SINCE: Version = [1, 6, 10]

/** What a server can do, found out once and remembered until it cannot be reached. */
export interface ServerFeatures {
  readonly protocol: Protocol
  /** Its version; `undefined` where it was not asked or did not say. */
  readonly version: Version | undefined
}

/** Major, minor, patch. */
type Version = readonly [number, number, number]

/**
 * Asks a server which protocol it speaks. `mn` is answered `MN` by a server that knows the meta
 * commands and `ERROR` by one that does not; a proxy such as twemproxy closes the connection.
 *
 * @returns what it speaks; the session is closed if the server closed it.
 * @throws Fault where the server does not answer at all.
 */
export async function negotiate(
  session: Session,
  deadlines: Deadlines,
  timeout: number,
): Promise<ServerFeatures> {
  const requests = [new LineRequest('mn', 'mn'), new LineRequest('version', 'version')]
  const [meta, number] = await exchange(session, requests, deadlines, timeout)
  const version = number?.status === 'fulfilled' ? parseVersion(number.value[0]) : undefined
  const classic = { protocol: classicProtocol, version }
  if (meta?.status === 'rejected') {
    const reason: unknown = meta.reason
    if (reason instanceof ClientError) return classic
    if (reason instanceof Fault && reason.kind === 'lost') return classic
    throw reason instanceof Fault ? reason : new Fault('timeout', 'no answer to mn', reason)
  }
  if (meta?.value[0] !== 'MN') return classic
  return isBefore(version, META_SINCE) ? classic : { protocol: metaProtocol, version }
}

/** Reads `VERSION 1.6.18`, as a server answers it. */
function parseVersion(line: string | undefined): Version | undefined {
  const parts = /^VERSION (\d+)\.(\d+)\.(\d+)/.exec(line ?? '')
  return parts === null ? undefined : [Number(parts[1]), Number(parts[2]), Number(parts[3])]
}

/** True where the version is known to be older than the other. */
function isBefore(version: Version | undefined, other: Version): boolean {
  if (version === undefined) return false
  for (const [index, part] of version.entries()) {
    const since = other[index] as number
    if (part !== since) return part < since
  }
  return false
}
