import type { Peer, Reader } from '@glammp/wire/testing'
import type { Waiter } from './job.js'
import type { Ability } from './job-function.js'
import { PacketReader } from './packet-reader.js'
import { header, type Packet, Type } from './packets.js'

/** What answers packets and lines. */
export interface Service {
  packet(session: Session, packet: Packet): void
  line(session: Session, line: string): void
  left(session: Session): void
}

/** One connection: of a client, of a worker, or of both. */
export class Session implements Reader {
  /** In place of gearmand's file descriptor. */
  readonly number: number
  readonly host: string
  readonly #peer: Peer
  readonly #service: Service
  readonly #reader: PacketReader
  /** What it can do, in the order in which it gets jobs. */
  abilities: Ability[] = []
  /** What it waits for. */
  readonly waiters: Set<Waiter> = new Set()
  /** As it calls itself. */
  id = '-'
  /** Whether it gets WORK_EXCEPTION. */
  exceptions: boolean
  #isAsleep = false
  #isWoken = false
  #isGone = false
  #endTimer: (() => void) | undefined

  constructor(number: number, peer: Peer, service: Service, exceptions: boolean) {
    this.number = number
    this.host = peer.remoteAddress
    this.#peer = peer
    this.#service = service
    this.exceptions = exceptions
    this.#reader = new PacketReader({
      packet: (packet) => service.packet(this, packet),
      line: (line) => service.line(this, line),
      broken: () => this.close(),
    })
  }

  read(chunk: Buffer): void {
    this.#reader.read(chunk)
  }

  gone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#isAsleep = false
    this.timer(undefined)
    this.#reader.stop()
    this.#service.left(this)
  }

  /** Ends the connection at once, with what was not sent yet, as gearmand does. */
  close(): void {
    this.gone()
    this.#peer.destroy()
  }

  /** Sends a packet of arguments, with NULs between them, and data. */
  send(type: number, args = '', data?: Buffer): void {
    if (this.#isGone) return
    this.#peer.write(header(type, args.length + (data?.length ?? 0)) + args)
    if (data !== undefined && data.length > 0) this.#peer.write(data)
  }

  /** Sends an answer of the text protocol. */
  say(text: string): void {
    if (!this.#isGone) this.#peer.write(text)
  }

  error(code: string, text: string): void {
    this.send(Type.ERROR, `${code}\0${text}`)
  }

  sleep(): void {
    this.#isAsleep = true
    this.timer(undefined)
  }

  /** It has asked for a job, and so is awake. */
  rise(): void {
    this.#isAsleep = false
    this.#isWoken = false
  }

  /** Sends NOOP if it sleeps, once. */
  wake(): boolean {
    if (!this.#isAsleep || this.#isWoken) return false
    this.#isWoken = true
    this.send(Type.NOOP)
    return true
  }

  /** It has one timer: another takes the place of the one before. */
  timer(end: (() => void) | undefined): void {
    this.#endTimer?.()
    this.#endTimer = end
  }

  /** It is the last one to get jobs. */
  moveBack(ability: Ability): void {
    this.abilities = [...this.abilities.filter((each) => each !== ability), ability]
  }
}
