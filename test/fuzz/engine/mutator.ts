const NUMBERS: readonly string[] = [
  ...['0', '1', '-1', '255', '256', '65535', '65536', '2147483647', '2147483648', '4294967295'],
  ...[
    '4294967296',
    '9007199254740993',
    '18446744073709551615',
    '99999999999999999999',
    '-0',
    '1e9',
  ],
]
const BYTES: readonly number[] = [0, 1, 9, 10, 13, 32, 34, 37, 58, 59, 61, 127, 128, 254, 255]

/** Changes inputs at random; the same seed makes the same ones. */
export class Mutator {
  readonly #words: readonly Buffer[]
  readonly #longest: number
  #state: number

  constructor(seed: number, words: readonly string[], longest: number) {
    this.#state = seed >>> 0 || 1
    this.#words = [...words, ...NUMBERS].map((word) => Buffer.from(word, 'latin1'))
    this.#longest = longest
  }

  /** A number from 0 up to, and without, `end`. */
  below(end: number): number {
    // xorshift32
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state >>> 0
    return end <= 1 ? 0 : this.#state % end
  }

  /** @param other - another input, of which a piece may be taken. */
  mutate(input: Buffer, other: Buffer): Buffer {
    let bytes: Buffer = Buffer.from(input)
    const turns = 1 << this.below(5)
    for (let turn = 0; turn < turns; turn += 1) bytes = this.#change(bytes, other)
    return bytes.subarray(0, this.#longest)
  }

  /** The same with a piece of it again and again, up to so many bytes. */
  blowUp(input: Buffer, size: number): Buffer {
    const [start, end] = this.#range(input)
    const piece = input.subarray(start, Math.max(end, start + 1))
    if (piece.length === 0) return Buffer.alloc(size, this.below(256))
    return Buffer.concat([input.subarray(0, start), Buffer.alloc(size, piece), input.subarray(end)])
  }

  #change(bytes: Buffer, other: Buffer): Buffer {
    const at = this.below(bytes.length + 1)
    const [start, end] = this.#range(bytes)
    switch (this.below(12)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << this.below(8))
        return bytes
      case 1:
        if (at < bytes.length) bytes[at] = this.below(256)
        return bytes
      case 2:
        if (at < bytes.length) bytes[at] = BYTES[this.below(BYTES.length)] as number
        return bytes
      case 3:
        return inserted(bytes, at, Buffer.of(this.below(256)))
      case 4:
        return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
      case 5:
        return inserted(bytes, at, bytes.subarray(start, end))
      case 6:
      case 7:
        return inserted(bytes, at, this.#word())
      case 8:
        return overwritten(bytes, at, this.#word())
      case 9: {
        const [from, to] = this.#range(other)
        return inserted(bytes, at, other.subarray(from, to))
      }
      case 10:
        return Buffer.concat([bytes.subarray(0, at), other.subarray(this.below(other.length + 1))])
      default: {
        // A length of 8, 16 or 32 bits, or a step up or down.
        const size = 1 << this.below(3)
        if (bytes.length < size) return bytes
        const place = this.below(bytes.length - size + 1)
        const values = [0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1), bytes.length, place]
        const step = bytes.readUIntBE(place, size) + this.below(17) - 8
        const value = this.below(2) === 0 ? step : (values[this.below(values.length)] as number)
        bytes.writeUIntBE(Math.max(0, value) % 2 ** (8 * size), place, size)
        return bytes
      }
    }
  }

  #word(): Buffer {
    return this.#words[this.below(this.#words.length)] as Buffer
  }

  #range(bytes: Buffer): [start: number, end: number] {
    const start = this.below(bytes.length + 1)
    const most = this.below(4) === 0 ? bytes.length : 16
    return [start, Math.min(bytes.length, start + this.below(most + 1))]
  }
}

function inserted(bytes: Buffer, at: number, piece: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
}

function overwritten(bytes: Buffer, at: number, piece: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + piece.length)])
}
