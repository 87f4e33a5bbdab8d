// The library of certificates needs it.
import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
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

/** A certificate and the key of its owner. */
interface Signed {
  readonly certificate: X509Certificate
  readonly keys: webcrypto.CryptoKeyPair
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

const DAY = 86_400_000

const SERVER_USE: readonly Extension[] = [
  new SubjectAlternativeNameExtension([
    { type: 'dns', value: 'localhost' },
    { type: 'ip', value: '127.0.0.1' },
    { type: 'ip', value: '::1' },
  ]),
  new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
]
const CLIENT_USE: readonly Extension[] = [
  new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
]

/** A certificate of this name, signed by its own key, or by an authority. */
const sign = async (
  name: string,
  extensions: readonly Extension[],
  authority?: Signed,
): Promise<Signed> => {
  const keys = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: authority?.certificate.subject ?? `CN=${name}`,
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + 2 * DAY),
    signingAlgorithm: CURVE,
    publicKey: keys.publicKey,
    signingKey: (authority?.keys ?? keys).privateKey,
    extensions: [...extensions],
  })
  return { certificate, keys }
}

const makeAuthority = (name: string): Promise<Signed> =>
  sign(name, [new BasicConstraintsExtension(true, undefined, true)])

/** Makes a certificate authority and what it signs, for TLS tests, in a temporary directory. */
export const makeCertificates = async (): Promise<Certificates> => {
  const { path: directory, remove } = await temporaryDirectory()
  const write = async (name: string, { certificate, keys }: Signed): Promise<KeyPair> => {
    const pair = { key: join(directory, `${name}.key`), cert: join(directory, `${name}.pem`) }
    const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey))
    const lines = bytes.toString('base64').replace(/.{64}/g, '$&\n')
    await writeFile(pair.key, `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`)
    await writeFile(pair.cert, certificate.toString('pem'))
    return pair
  }
  const authority = await makeAuthority('ca')
  const strangers = await makeAuthority('strangers')
  const [ca, server, client, stranger] = await Promise.all([
    write('ca', authority),
    write('server', await sign('server', SERVER_USE, authority)),
    write('client', await sign('client', CLIENT_USE, authority)),
    write('stranger', await sign('stranger', SERVER_USE, strangers)),
  ])
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
