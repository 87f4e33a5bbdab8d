import {
  type Deadlines,
  Fault,
  type ServerAddress,
  type TlsOptions,
  type Traffic,
  tlsFor,
} from '@glammp/wire'
import { binaryProtocol } from '../../protocol/binary/binary.js'
import { classicProtocol } from '../../protocol/classic/classic.js'
import { metaProtocol } from '../../protocol/meta/meta.js'
import type { Credentials, Protocol, ProtocolChoice } from '../../protocol/protocol.js'
import { OldMetaFault } from '../../requests/refusal.js'
import type { RequestObserver } from '../../requests/request.js'
import { authenticate, credentialsFor, fitsText } from './authentication.js'
import {
  featuresOf,
  lacksMeta,
  negotiate,
  negotiateAnew,
  type ServerFeatures,
} from './negotiation.js'
import { type Connect, Session } from './session.js'

export interface DialerOptions {
  readonly protocol: ProtocolChoice
  /** Milliseconds for a new connection, from name lookup to the first answer. */
  readonly connectTimeout: number
  readonly tls: TlsOptions | undefined
  /** For servers that have no credentials of their own. */
  readonly auth: Credentials | undefined
  /** Counts what happens; `undefined`: nothing is counted. */
  readonly meter?: Meter | undefined
  /** How connections are opened; `undefined`: as wire does. */
  readonly connect?: Connect | undefined
}

/** Counts what is sent to servers, and the outcomes. */
interface Meter extends RequestObserver {
  trafficOf(server: string): Traffic
  /** The server of this name was removed. */
  forget(server: string): void
}

/** Opens connections to one server, ready for use, and remembers what the server can do. */
export class Dialer {
  /** What the server can do, as far as it is known. */
  features: ServerFeatures | undefined
  readonly #address: ServerAddress
  readonly #options: DialerOptions
  readonly #deadlines: Deadlines
  readonly #credentials: Credentials | undefined
  #sessions: Session[] = []
  /** Those that are not ready for use yet. */
  readonly #fresh = new Set<Session>()
  readonly #closing = new AbortController()
  /** It may be too old for meta. */
  #isDoubtful = false

  /** @throws TypeError for credentials that the protocol cannot carry. */
  constructor(address: ServerAddress, options: DialerOptions, deadlines: Deadlines) {
    this.#address = address
    this.#options = options
    this.#deadlines = deadlines
    this.#credentials = credentialsFor(address, options.auth, options.protocol)
  }

  /** Gives up what is being opened, and opens no more. */
  close(reason: Fault): void {
    this.#closing.abort(reason)
    for (const session of this.#fresh) session.close(reason)
  }

  /**
   * @throws Fault if no connection can be opened; what was known of the server is forgotten. It is
   *   of kind `closed` after {@link close}, whatever became of the connection.
   */
  async open(): Promise<Session> {
    const open = this.#sessions.filter(({ reason }) => reason === undefined)
    const hasLost = this.#sessions.some(({ reason }) => reason && reason.kind !== 'closed')
    // Another server may have replaced it.
    if (hasLost) this.features = undefined
    if (this.#sessions.some(({ reason }) => reason instanceof OldMetaFault)) this.#isDoubtful = true
    this.#sessions = open
    for (const session of this.#fresh) if (session.reason !== undefined) this.#fresh.delete(session)
    const { signal } = this.#closing
    try {
      signal.throwIfAborted()
      const session = await this.#open()
      this.#fresh.delete(session)
      this.#sessions.push(session)
      return session
    } catch (error) {
      this.features = undefined
      throw signal.aborted ? signal.reason : error
    }
  }

  async #open(): Promise<Session> {
    const { protocol } = this.#options
    if (this.features !== undefined) return this.#dial(this.features.protocol)
    if (protocol === 'classic') return this.#dial(classicProtocol)
    if (protocol === 'binary') return this.#dial(binaryProtocol)
    if (protocol === 'meta') return this.#isDoubtful ? this.#dialOld() : this.#dial(metaProtocol)
    const first = await this.#dialText()
    if (first === undefined) return this.#dial(binaryProtocol)
    const features = await this.#ask(first, negotiate)
    if (features !== undefined) return this.#agree(first, features)
    const second = await this.#connect(classicProtocol)
    return this.#agree(second, await this.#ask(second, negotiateAnew))
  }

  // It refused what every server since 1.6.10 knows.
  async #dialOld(): Promise<Session> {
    const session = await this.#connect(classicProtocol)
    const fault = await this.#ask(session, lacksMeta)
    if (fault !== undefined) {
      session.close(fault)
      throw fault
    }
    this.#isDoubtful = false
    return this.#agree(session, featuresOf(metaProtocol))
  }

  // A connection on which the server did not say what it speaks is of no use.
  async #ask<Answer>(
    session: Session,
    question: (session: Session, deadlines: Deadlines, timeout: number) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await question(session, this.#deadlines, this.#options.connectTimeout)
    } catch (error) {
      session.close(error as Fault)
      throw error
    }
  }

  #agree(session: Session, features: ServerFeatures): Session | Promise<Session> {
    this.features = features
    if (session.reason !== undefined) return this.#dial(features.protocol)
    session.speak(features.protocol)
    return session
  }

  // A server with SASL closes the connection when it is used over a text protocol, where a password
  // does not help: `undefined`.
  async #dialText(): Promise<Session | undefined> {
    if (this.#credentials === undefined) return this.#connect(classicProtocol)
    if (!fitsText(this.#credentials)) return undefined
    try {
      return await this.#connect(classicProtocol)
    } catch (error) {
      if (error instanceof Fault && error.kind === 'lost') return undefined
      throw error
    }
  }

  async #dial(protocol: Protocol): Promise<Session> {
    const session = await this.#connect(protocol)
    this.features ??= featuresOf(protocol)
    return session
  }

  // Authentication comes before everything else.
  async #connect(protocol: Protocol): Promise<Session> {
    const { connectTimeout, tls, connect } = this.#options
    const options = {
      address: this.#address,
      connectTimeout,
      tls: tlsFor(this.#address, tls),
      traffic: this.#options.meter?.trafficOf(this.#address.name),
      signal: this.#closing.signal,
    }
    const first = (this.#credentials && protocol.handshake) ?? protocol
    const session = await Session.open(options, first, connect)
    const { signal } = this.#closing
    if (signal.aborted) {
      session.close(signal.reason)
      throw signal.reason
    }
    this.#fresh.add(session)
    if (this.#credentials === undefined) return session
    await authenticate(session, first, this.#credentials, this.#deadlines, connectTimeout)
    if (first !== protocol) session.speak(protocol)
    return session
  }
}
