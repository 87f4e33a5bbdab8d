import { latin1, type Output } from '@glammp/wire'
import { bytesOf } from '../../key.js'
import type { Credentials, Decoder, Protocol, StorageFields, StorageMode } from '../protocol.js'
import { ReplyKind, type ReplySink } from '../reply.js'
import { BinaryDecoder } from './binary-decoder.js'
import { Opcode, opaqueOf, REQUEST_MAGIC } from './binary-packet.js'

const NO_CAS = '\0'.repeat(8)

const ZERO = /^0+$/

/**
 * A token that no item has, used instead of 0: no item has 0 either, but here it means that no
 * token is compared.
 */
const NEVER = String(2n ** 64n - 1n)

const MODES: Readonly<Record<StorageMode, number>> = {
  set: Opcode.SET,
  add: Opcode.ADD,
  replace: Opcode.REPLACE,
  append: Opcode.APPEND,
  prepend: Opcode.PREPEND,
}

/** Expiration that forbids the server to create a missing counter. */
const NO_COUNTER = 0xffff_ffff

/**
 * The binary protocol of memcached's `protocol_binary.h`: deprecated there, but the only one that
 * SASL servers (`-S`) speak. No command is quiet, so each request has its own last reply, as in
 * meta. It numbers its requests, so a connection has one of its own: {@link forConnection}.
 */
class BinaryProtocol implements Protocol {
  readonly name = 'binary'
  readonly hasMeta = false
  readonly touchMiss: ReplyKind = ReplyKind.NOT_FOUND
  #sent = 0

  forConnection(): Protocol {
    return new BinaryProtocol()
  }

  get(keys: readonly string[], _withCas: boolean, out: Output): number {
    for (const key of keys) this.#send(out, Opcode.GET, '', bytesOf(key))
    return keys.length
  }

  look(key: string, withCas: boolean, out: Output): number {
    return this.get([key], withCas, out)
  }

  getAndTouch(key: string, exptime: number, out: Output): void {
    this.#send(out, Opcode.GAT, uint32(exptime), bytesOf(key))
  }

  store({ mode, key, data, flags, exptime, cas }: StorageFields, out: Output): void {
    // Neither flags nor expiry of an item change by append and prepend, which take none.
    const piece = mode === 'append' || mode === 'prepend'
    const extras = piece ? '' : uint32(flags) + uint32(exptime)
    this.#send(out, MODES[mode], extras, bytesOf(key), data, cas)
  }

  delete(key: string, out: Output): void {
    this.#send(out, Opcode.DELETE, '', bytesOf(key))
  }

  invalidate(key: string, _exptime: number, out: Output): boolean {
    this.delete(key, out)
    return false
  }

  touch(key: string, exptime: number, out: Output): void {
    this.#send(out, Opcode.TOUCH, uint32(exptime), bytesOf(key))
  }

  arithmetic(key: string, delta: string, decrement: boolean, out: Output): void {
    const extras = uint64(delta) + uint64('0') + uint32(NO_COUNTER)
    this.#send(out, decrement ? Opcode.DECREMENT : Opcode.INCREMENT, extras, bytesOf(key))
  }

  line(command: string, out: Output): void {
    const [word, ...rest] = command.split(' ')
    if (word === 'mn') this.#send(out, Opcode.NOOP)
    else if (word === 'version') this.#send(out, Opcode.VERSION)
    else if (word === 'stats') this.#send(out, Opcode.STAT, '', rest.join(' '))
    else if (word === 'flush_all') {
      this.#send(out, Opcode.FLUSH, rest.length === 0 ? '' : uint32(Number(rest[0])))
    } else {
      // This protocol does not have it. No memcached (up to 1.6.45) knows VERBOSITY either: it says
      // so and stays in step, but only if no body follows (1.6.18 does not skip that).
      this.#send(out, Opcode.VERBOSITY)
    }
  }

  authenticate({ username, password }: Credentials, out: Output): void {
    const token = latin1(Buffer.from(`\0${username}\0${password}`))
    this.#send(out, Opcode.SASL_AUTH, '', 'PLAIN', token)
  }

  decoder(sink: ReplySink): Decoder {
    return new BinaryDecoder(sink)
  }

  #send(
    out: Output,
    opcode: number,
    extras = '',
    key = '',
    data: string | Uint8Array = '',
    cas = '',
  ): void {
    const total = extras.length + key.length + data.length
    const head =
      String.fromCharCode(REQUEST_MAGIC, opcode, key.length >>> 8, key.length & 255) +
      // The length of the extras, the data type (raw) and the virtual bucket (none).
      String.fromCharCode(extras.length, 0, 0, 0) +
      uint32(total) +
      uint32(opaqueOf(this.#sent)) +
      (cas === '' ? NO_CAS : uint64(ZERO.test(cas) ? NEVER : cas))
    this.#sent += 1
    if (typeof data === 'string') {
      out.text(head + extras + key + data)
      return
    }
    out.text(head + extras + key)
    out.bytes(data)
  }
}

/** The binary protocol; what is sent goes through {@link Protocol.forConnection}. */
export const binaryProtocol: Protocol = new BinaryProtocol()

function uint32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
}

function uint64(decimal: string): string {
  const value = BigInt(decimal)
  return uint32(Number(value >> 32n)) + uint32(Number(value & 0xffff_ffffn))
}
