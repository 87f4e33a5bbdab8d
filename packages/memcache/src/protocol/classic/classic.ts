import type { Output } from '@glammp/wire'
import { classicKey } from '../../key.js'
import type { Decoder, Protocol, StorageFields } from '../protocol.js'
import { ReplyKind, type ReplySink } from '../reply.js'
import { textHandshake } from '../text/text-handshake.js'
import { ClassicDecoder } from './classic-decoder.js'

/**
 * Keys on one `get` line. 1.6.12 answered ERROR to long lines that came in several packets
 * (memcached issue 849), so lines stay well under its read buffer.
 */
const KEYS_A_LINE = 100
const BYTES_A_LINE = 1_800

/** The classic text commands of `protocol.txt`, for older servers and for proxies. */
export const classicProtocol: Protocol = {
  name: 'classic',
  hasMeta: false,
  touchMiss: ReplyKind.NOT_FOUND,

  get(keys, withCas, out): number {
    // Before the first line is written.
    for (const key of keys) classicKey(key)
    const command = withCas ? 'gets' : 'get'
    let lines = 0
    for (let start = 0; start < keys.length; lines += 1) {
      const end = lineEnd(keys, start)
      // Joined at once: text that grows key by key is copied once more when it is written.
      out.text(`${command} ${keys.slice(start, end).join(' ')}\r\n`)
      start = end
    }
    return lines
  },

  look(key, withCas, out): number {
    return this.get([key], withCas, out)
  },

  getAndTouch(key, exptime, out): void {
    out.text(`gat ${exptime} ${classicKey(key)}\r\n`)
  },

  store(fields: StorageFields, out: Output): void {
    const { key, data, flags, exptime, cas } = fields
    const command = cas === '' ? fields.mode : 'cas'
    const head = `${command} ${classicKey(key)} ${flags} ${exptime} ${data.length}${cas === '' ? '' : ` ${cas}`}`
    if (typeof data === 'string') {
      out.text(`${head}\r\n${data}\r\n`)
      return
    }
    out.text(`${head}\r\n`)
    out.bytes(data)
    out.text('\r\n')
  },

  delete(key, out): void {
    out.text(`delete ${classicKey(key)}\r\n`)
  },

  invalidate(key, _exptime, out): boolean {
    this.delete(key, out)
    return false
  },

  touch(key, exptime, out): void {
    out.text(`touch ${classicKey(key)} ${exptime}\r\n`)
  },

  arithmetic(key, delta, decrement, out): void {
    out.text(`${decrement ? 'decr' : 'incr'} ${classicKey(key)} ${delta}\r\n`)
  },

  line(command, out): void {
    out.text(`${command}\r\n`)
  },

  authenticate: textHandshake,

  decoder(sink: ReplySink): Decoder {
    return new ClassicDecoder(sink)
  },
}

/** The end of the line of keys that begins at `start`. */
function lineEnd(keys: readonly string[], start: number): number {
  const most = Math.min(keys.length, start + KEYS_A_LINE)
  let bytes = 0
  for (let at = start; at < most; at += 1) {
    bytes += (keys[at] as string).length + 1
    if (bytes > BYTES_A_LINE && at > start) return at
  }
  return most
}
