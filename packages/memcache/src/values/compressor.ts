import zlib, { type BrotliOptions, type ZlibOptions } from 'node:zlib'
import { wrong } from '@glammp/wire'
import { type Compressor, foreignCompressor } from './foreign-compressor.js'
import { expandFastlz } from './formats/fastlz.js'

/** Algorithms of `node:zlib`; `'zstd'` from Node 22.15 and 23.8 on. */
export type CompressionAlgorithm = 'zlib' | 'deflate' | 'gzip' | 'brotli' | 'zstd'

/**
 * The flags that mark each algorithm. 0x10 says compressed; 0x30 and 0x90 are php-memcached's
 * (zlib; zstd since 3.3); the others are bits that it leaves free, so that it refuses them instead
 * of reading them as text.
 */
const COMPRESSED_FLAGS = {
  zlib: 0x0030,
  zstd: 0x0090,
  deflate: 0x0110,
  gzip: 0x0210,
  brotli: 0x0410,
} as const

/** php-memcached's own default, which this client reads and does not write. */
const FASTLZ = 0x0050

/**
 * Bytes up to which the work is done at once: going to the thread pool and back takes 0.15 to
 * 0.3 ms, in which 8 KiB of text are compressed and 128 KiB expanded (measured on Node 20).
 */
const COMPRESSED_AT_ONCE = 16_384
const EXPANDED_AT_ONCE = 131_072

type Callback = (error: Error | null, result: unknown) => void
type Now = (data: Uint8Array, options: object) => unknown
type Later = (data: Uint8Array, options: object, callback: Callback) => void

interface Methods {
  readonly compressSync: Now
  readonly compress: Later
  readonly expandSync: Now
  readonly expand: Later
  /** For compressing. */
  readonly settings: object
  /** For expanding. */
  readonly bounds?: object
}

// Quality 11, brotli's default, takes seconds for a megabyte.
const BROTLI: BrotliOptions = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }
const ZLIB: ZlibOptions = {}

/** zstd as in later versions of Node; the types are those of Node 20. */
interface Zstd {
  readonly zstdCompressSync?: Now
  readonly zstdCompress: Later
  readonly zstdDecompressSync: Now
  readonly zstdDecompress: Later
  readonly constants: { readonly ZSTD_d_windowLogMax: number }
}

const METHODS: Readonly<Record<Exclude<CompressionAlgorithm, 'zstd'>, Methods>> = {
  zlib: {
    compressSync: zlib.deflateSync as Now,
    compress: zlib.deflate as Later,
    expandSync: zlib.inflateSync as Now,
    expand: zlib.inflate as Later,
    settings: ZLIB,
  },
  deflate: {
    compressSync: zlib.deflateRawSync as Now,
    compress: zlib.deflateRaw as Later,
    expandSync: zlib.inflateRawSync as Now,
    expand: zlib.inflateRaw as Later,
    settings: ZLIB,
  },
  gzip: {
    compressSync: zlib.gzipSync as Now,
    compress: zlib.gzip as Later,
    expandSync: zlib.gunzipSync as Now,
    expand: zlib.gunzip as Later,
    settings: ZLIB,
  },
  brotli: {
    compressSync: zlib.brotliCompressSync as Now,
    compress: zlib.brotliCompress as Later,
    expandSync: zlib.brotliDecompressSync as Now,
    expand: zlib.brotliDecompress as Later,
    settings: BROTLI,
  },
}

/** @throws TypeError for an unknown algorithm, or one that this Node does not have. */
export function compressorOf(algorithm: CompressionAlgorithm | Compressor): Compressor {
  if (typeof algorithm === 'object' && algorithm !== null) return foreignCompressor(algorithm)
  const names = Object.keys(COMPRESSED_FLAGS)
  if (!names.includes(algorithm)) {
    const known = names.join(', ')
    throw new TypeError(
      wrong('compression.algorithm', `one of ${known}, or a Compressor`, algorithm),
    )
  }
  const compressor = builtIn(algorithm)
  if (compressor !== undefined) return compressor
  throw new TypeError(`this Node (${process.version}) has no zstd; it came with 22.15 and 23.8`)
}

/** Everything that this Node can expand, by its flags. */
export function builtInCompressors(): Map<number, Compressor> {
  const known = new Map<number, Compressor>()
  for (const name of Object.keys(COMPRESSED_FLAGS) as CompressionAlgorithm[]) {
    const compressor = builtIn(name)
    if (compressor !== undefined) known.set(compressor.flag, compressor)
  }
  known.set(FASTLZ, {
    flag: FASTLZ,
    compress: (data) => data,
    decompress: (data, length) => expandFastlz(data, length),
  })
  return known
}

function builtIn(name: CompressionAlgorithm): Compressor | undefined {
  const methods = name === 'zstd' ? zstd() : METHODS[name]
  return methods === undefined ? undefined : new NodeCompressor(COMPRESSED_FLAGS[name], methods)
}

function zstd(): Methods | undefined {
  const node = zlib as unknown as Zstd
  if (node.zstdCompressSync === undefined) return undefined
  return {
    compressSync: node.zstdCompressSync,
    compress: node.zstdCompress,
    expandSync: node.zstdDecompressSync,
    expand: node.zstdDecompress,
    settings: {},
    // A frame says how much memory it needs to be read, up to 128 MiB by default; levels up to
    // 19 stay within 8 MiB.
    bounds: { params: { [node.constants.ZSTD_d_windowLogMax]: 24 } },
  }
}

class NodeCompressor implements Compressor {
  readonly flag: number
  readonly #methods: Methods

  constructor(flag: number, methods: Methods) {
    this.flag = flag
    this.#methods = methods
  }

  compress(data: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const { compressSync, compress, settings } = this.#methods
    if (data.length <= COMPRESSED_AT_ONCE) return compressSync(data, settings) as Buffer
    return new Promise((resolve, reject) => {
      compress(data, settings, (error, result) => {
        if (error === null) resolve(result as Buffer)
        else reject(error)
      })
    })
  }

  decompress(data: Uint8Array, length: number): Uint8Array | Promise<Uint8Array> {
    const { expandSync, expand, bounds } = this.#methods
    const options = {
      ...bounds,
      info: true,
      maxOutputLength: Math.max(1, length),
      // Memory is allocated in pieces, as it fills: the length may be false.
      chunkSize: Math.max(64, Math.min(length, 65_536)),
    }
    if (length <= EXPANDED_AT_ONCE) return whole(data, expandSync(data, options))
    return new Promise((resolve, reject) => {
      expand(data, options, (error, result) => {
        if (error !== null) return reject(error)
        try {
          resolve(whole(data, result))
        } catch (cause) {
          reject(cause as Error)
        }
      })
    })
  }
}

// zlib ignores what follows the end of a stream; here it means that something was appended.
function whole(data: Uint8Array, result: unknown): Buffer {
  const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } }
  if (engine.bytesWritten === data.length) return buffer
  throw new RangeError(`${data.length - engine.bytesWritten} bytes follow the compressed value`)
}
