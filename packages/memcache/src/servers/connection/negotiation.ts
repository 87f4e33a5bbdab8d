import { type Deadlines, Fault } from '@glammp/wire'
import { ClientError, TimeoutError } from '../../errors.js'
import { classicProtocol } from '../../protocol/classic/classic.js'
import { metaProtocol } from '../../protocol/meta/meta.js'
import type { Protocol } from '../../protocol/protocol.js'
import { LineRequest } from '../../requests/line-request.js'
import { AuthenticationFault, OldMetaFault } from '../../requests/refusal.js'
import { GET_AND_TOUCH } from '../../requests/request.js'
import { exchange } from './exchange.js'
import type { Session } from './session.js'

/** First version whose meta commands have their final syntax and codes. */
const META_SINCE: Version = [1, 6, 10]

/** A key that nobody uses, to get any answer from a server. */
const PROBE = 'get glammp-asks-whether-you-are-there'

/** What a server can do, detected once and remembered until it cannot be reached. */
export interface ServerFeatures {
  readonly protocol: Protocol
  /** Its version; `undefined` if it was not asked or did not report it. */
  readonly version: Version | undefined
  /** The words of commands that it is known to answer; see {@link Request.word}. */
  readonly commands: Set<string>
}

/** What a server can do of which no more is known than that it speaks this protocol. */
export function featuresOf(protocol: Protocol, version?: Version): ServerFeatures {
  return { protocol, version, commands: new Set([GET_AND_TOUCH]) }
}

/** A proxy that closes the connection at `mn` does so at other commands too. */
function featuresOfProxy(): ServerFeatures {
  return { protocol: classicProtocol, version: undefined, commands: new Set() }
}

/** Major, minor, patch. */
type Version = readonly [number, number, number]

/**
 * Asks a server which protocol it speaks. `mn` is answered `MN` by a server that knows the meta
 * commands and `ERROR` by one that does not.
 *
 * @returns what it speaks; `undefined` if the connection was closed instead of an answer, as a
 *   proxy such as twemproxy does, but also a server that shuts down, or a load balancer without a
 *   server.
 * @throws Fault if the server does not answer at all, or its answer does not say it.
 */
export async function negotiate(
  session: Session,
  deadlines: Deadlines,
  timeout: number,
): Promise<ServerFeatures | undefined> {
  const requests = [new LineRequest('mn', 'mn'), new LineRequest('version', 'version')]
  const [meta, number] = await exchange(session, requests, deadlines, timeout)
  const version = number?.status === 'fulfilled' ? parseVersion(number.value[0]) : undefined
  const classic = featuresOf(classicProtocol, version)
  if (meta?.status === 'rejected') {
    const reason: unknown = meta.reason
    // If it refuses every command, the second was not answered.
    if (reason instanceof ClientError && isAnswer(number)) return classic
    if (reason instanceof Fault && reason.kind !== 'lost') throw reason
    if (reason instanceof Fault || reason instanceof ClientError) return undefined
    if (reason instanceof TimeoutError) throw new Fault('timeout', 'no answer to mn', reason)
    throw new Fault('connect', 'the server does not say what it speaks', reason)
  }
  if (meta?.value[0] !== 'MN') return classic
  return isBefore(version, META_SINCE) ? classic : featuresOf(metaProtocol, version)
}

/**
 * Whether a client that speaks nothing but meta cannot use a server: the meta commands of servers
 * before 1.6.10 look like those of today and mean something else. Whoever tells no version is taken
 * at the user's word.
 *
 * @returns why not; `undefined`: it can.
 * @throws Fault if the server does not answer.
 */
export async function lacksMeta(
  session: Session,
  deadlines: Deadlines,
  timeout: number,
): Promise<Fault | undefined> {
  const question = new LineRequest('version', 'version', true)
  const [answer] = await exchange(session, [question], deadlines, timeout)
  if (answer?.status !== 'fulfilled') {
    const reason: unknown = answer?.reason
    if (reason instanceof TimeoutError) throw new Fault('timeout', 'no answer to version', reason)
    if (!(reason instanceof Fault)) return undefined
    if (reason instanceof AuthenticationFault || reason.kind !== 'lost') throw reason
    throw new Fault('connect', `no answer to version: ${reason.message}`, reason)
  }
  const version = parseVersion(answer.value[0])
  if (!isBefore(version, META_SINCE)) return undefined
  return new OldMetaFault(version?.join('.'))
}

/**
 * Asks once more on a new connection, after one was closed: only a server that answers a classic
 * command on it, and then closes it at `mn`, speaks classic.
 *
 * @throws Fault if the server does not answer.
 */
export async function negotiateAnew(
  session: Session,
  deadlines: Deadlines,
  timeout: number,
): Promise<ServerFeatures> {
  const [answer] = await exchange(session, [new LineRequest('get', PROBE)], deadlines, timeout)
  const reason: unknown = answer?.status === 'rejected' ? answer.reason : undefined
  if (reason instanceof TimeoutError) throw new Fault('timeout', 'no answer to get', reason)
  if (reason instanceof AuthenticationFault) throw reason
  if (reason instanceof Fault) {
    const kind = reason.kind === 'lost' ? 'connect' : reason.kind
    throw new Fault(kind, `no answer to a first command: ${reason.message}`, reason)
  }
  const features = await negotiate(session, deadlines, timeout)
  return features ?? featuresOfProxy()
}

function isAnswer(outcome: PromiseSettledResult<unknown> | undefined): boolean {
  if (outcome?.status !== 'rejected') return outcome !== undefined
  const reason: unknown = outcome.reason
  return !(reason instanceof Fault || reason instanceof TimeoutError)
}

/** Reads `VERSION 1.6.18`, as a server answers it. */
function parseVersion(line: string | undefined): Version | undefined {
  const parts = /^VERSION (\d+)\.(\d+)\.(\d+)/.exec(line ?? '')
  return parts === null ? undefined : [Number(parts[1]), Number(parts[2]), Number(parts[3])]
}

/** True if the version is known to be older than the other. */
function isBefore(version: Version | undefined, other: Version): boolean {
  if (version === undefined) return false
  for (const [index, part] of version.entries()) {
    const since = other[index] as number
    if (part !== since) return part < since
  }
  return false
}
