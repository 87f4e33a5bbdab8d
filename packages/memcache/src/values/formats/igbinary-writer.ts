import { Igbinary } from './igbinary.js'
import { type PhpSink, writePhp } from './php-value.js'

/**
 * A value as PHP's igbinary writes it, version 2 of its format.
 *
 * @throws TypeError for what PHP cannot hold.
 */
export function serializeIgbinary(value: unknown): Buffer {
  const writer = new IgbinaryWriter()
  writePhp(value, writer)
  return writer.bytes
}

const FIRST_SIZE = 256

class IgbinaryWriter implements PhpSink {
  #buffer = Buffer.allocUnsafe(FIRST_SIZE)
  #at = this.#buffer.writeUInt32BE(Igbinary.VERSION)
  /** The numbers of the strings that were written, by their bytes. */
  readonly #strings = new Map<string, number>()

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  null(): void {
    this.#byte(Igbinary.NULL)
  }

  boolean(value: boolean): void {
    this.#byte(value ? Igbinary.TRUE : Igbinary.FALSE)
  }

  integer(value: number | bigint): void {
    const negative = value < 0 ? 1 : 0
    const size = negative ? -BigInt(value) : BigInt(value)
    if (size < 2n ** 32n) {
      this.#sized(Igbinary.LONG8 + negative, Number(size), 2)
      return
    }
    this.#byte(Igbinary.LONG64 + negative)
    this.#room(8)
    this.#at = this.#buffer.writeBigUInt64BE(size, this.#at)
  }

  double(value: number): void {
    this.#byte(Igbinary.DOUBLE)
    this.#room(8)
    this.#at = this.#buffer.writeDoubleBE(value, this.#at)
  }

  string(bytes: Buffer): void {
    if (bytes.length === 0) this.#byte(Igbinary.STRING_EMPTY)
    else this.#text(bytes, Igbinary.STRING8, Igbinary.STRING_ID8)
  }

  open(size: number, className?: string): void {
    if (className !== undefined) {
      this.#text(Buffer.from(className), Igbinary.OBJECT8, Igbinary.OBJECT_ID8)
    }
    this.#sized(Igbinary.ARRAY8, size)
  }

  close(): void {}

  #text(bytes: Buffer, type: number, typeOfId: number): void {
    const text = bytes.toString('latin1')
    const id = this.#strings.get(text)
    if (id !== undefined) {
      this.#sized(typeOfId, id)
      return
    }
    this.#strings.set(text, this.#strings.size)
    this.#sized(type, bytes.length)
    this.#room(bytes.length)
    this.#at += bytes.copy(this.#buffer, this.#at)
  }

  /** A type that exists for numbers of 8, 16 and 32 bits, and the number. */
  #sized(type: number, number: number, step = 1): void {
    this.#room(5)
    const buffer = this.#buffer
    if (number < 2 ** 8) {
      this.#at = buffer.writeUInt8(number, buffer.writeUInt8(type, this.#at))
    } else if (number < 2 ** 16) {
      this.#at = buffer.writeUInt16BE(number, buffer.writeUInt8(type + step, this.#at))
    } else {
      this.#at = buffer.writeUInt32BE(number, buffer.writeUInt8(type + 2 * step, this.#at))
    }
  }

  #byte(value: number): void {
    this.#room(1)
    this.#at = this.#buffer.writeUInt8(value, this.#at)
  }

  #room(size: number): void {
    if (this.#at + size <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(2 * this.#buffer.length + size)
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}
