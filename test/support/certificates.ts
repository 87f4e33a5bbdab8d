import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './process.js'
import { temporaryDirectory } from './temporary-directory.js'

export interface KeyPair {
  /** Paths of PEM files. */
  readonly key: string
  readonly cert: string
}

export interface Certificates extends AsyncDisposable {
  /** The directory of all the files: a server in a container must be given it. */
  readonly directory: string
  /** Path of the authority's certificate, in PEM. */
  readonly ca: string
  /** For localhost, 127.0.0.1 and ::1. */
  readonly server: KeyPair
  readonly client: KeyPair
  /** Signed by an authority that nobody knows, for the same names as `server`. */
  readonly stranger: KeyPair
  remove(): Promise<void>
}

const SERVER_NAMES = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth'
const CLIENT_USE = 'extendedKeyUsage=clientAuth'
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

const openssl = async (...args: readonly string[]): Promise<void> => {
  const { code, stderr } = await run('openssl', args)
  if (code === 127) throw new Error('TLS tests need the openssl program on PATH')
  if (code !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`)
}

/** Makes a certificate authority and what it signs, for TLS tests, in a temporary directory. */
export const makeCertificates = async (): Promise<Certificates> => {
  const { path: directory, remove } = await temporaryDirectory()
  const pair = (name: string): KeyPair => ({
    key: join(directory, `${name}.key`),
    cert: join(directory, `${name}.pem`),
  })

  const authority = async (name: string): Promise<KeyPair> => {
    const { key, cert } = pair(name)
    const subject = ['-subj', `/CN=${name}`, '-days', '2']
    await openssl('req', '-x509', ...CURVE, '-keyout', key, '-out', cert, ...subject)
    return { key, cert }
  }
  const signed = async (name: string, by: KeyPair, extensions: string): Promise<KeyPair> => {
    const { key, cert } = pair(name)
    const request = join(directory, `${name}.csr`)
    const extensionFile = join(directory, `${name}.ext`)
    await writeFile(extensionFile, extensions)
    await openssl('req', ...CURVE, '-keyout', key, '-out', request, '-subj', `/CN=${name}`)
    const authorities = ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial']
    const result = ['-out', cert, '-days', '2', '-extfile', extensionFile]
    await openssl('x509', '-req', '-in', request, ...authorities, ...result)
    return { key, cert }
  }

  const [ca, strangers] = await Promise.all([authority('ca'), authority('strangers')])
  // One after the other where they share an authority: its serial number is a file.
  const [server, stranger] = await Promise.all([
    signed('server', ca, SERVER_NAMES),
    signed('stranger', strangers, SERVER_NAMES),
  ])
  const client = await signed('client', ca, CLIENT_USE)
  return {
    directory,
    ca: ca.cert,
    server,
    client,
    stranger,
    remove,
    [Symbol.asyncDispose]: remove,
  }
}
