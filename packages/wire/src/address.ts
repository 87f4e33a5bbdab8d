import { isIPv6 } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

/** One server as the caller named it, taken apart. */
export interface ServerAddress {
  /** `host:port`, `[ipv6]:port` or the path of a unix socket: the key of the server in results. */
  readonly name: string
  /** Host name or IP address as configured (no DNS, no brackets); empty for a unix socket. */
  readonly host: string
  /** TCP port; 0 for a unix socket. */
  readonly port: number
  /** Path of the unix socket, if that is what the server listens on. */
  readonly path: string | undefined
  /** Share of the keys (or jobs) relative to the other servers; 1 unless configured. */
  readonly weight: number
  /** True where the URL's scheme or the object asks for TLS; or the object's settings for it. */
  readonly tls: boolean | ConnectionOptions
  /** From the URL's user part; never part of `name`. */
  readonly username: string | undefined
  /** From the URL's user part; never part of `name`. */
  readonly password: string | undefined
}

/** A server written out as an object. */
export interface ServerObject {
  /** Host name or IP address; `localhost` if neither `host` nor `path` is given. */
  readonly host?: string | undefined
  /** TCP port; the protocol's own if absent. */
  readonly port?: number | undefined
  /** Path of a unix socket, in place of host and port. */
  readonly path?: string | undefined
  /** Share relative to the other servers, over 0; 1 if absent. */
  readonly weight?: number | undefined
  /** TLS for this server: `true`, or settings of `node:tls` that come before those for all. */
  readonly tls?: boolean | ConnectionOptions | undefined
  /** User name for authentication. */
  readonly username?: string | undefined
  /** Password for authentication. */
  readonly password?: string | undefined
}

/** What a protocol adds to the reading of addresses. */
export interface AddressRules {
  /** The port where none is given. */
  readonly defaultPort: number
  /** URL schemes without the colon, and whether each means TLS. */
  readonly schemes: Readonly<Record<string, { readonly tls: boolean }>>
}

/**
 * Reads the servers of a constructor or an environment variable: one string with commas or white
 * space between servers, one server object, or an array of either.
 *
 * @throws TypeError for text that is not an address, and for a list that names no server or names
 * one twice.
 */
export function parseServers(
  input: string | ServerObject | readonly (string | ServerObject)[],
  rules: AddressRules,
): ServerAddress[] {
  const items = typeof input === 'string' || !Array.isArray(input) ? [input] : input
  const servers: ServerAddress[] = []
  const names = new Set<string>()
  for (const item of items) {
    const parts: readonly (string | ServerObject)[] =
      typeof item === 'string' ? item.split(/[\s,]+/).filter((part) => part !== '') : [item]
    for (const part of parts) {
      const server = parseServer(part, rules)
      if (names.has(server.name)) throw new TypeError(`server ${server.name} is listed twice`)
      names.add(server.name)
      servers.push(server)
    }
  }
  if (servers.length === 0) throw new TypeError('the list of servers is empty')
  return servers
}

/**
 * Reads one server: `host`, `host:port`, `host:port:weight`, `[::1]:11211`, a bare IPv6 address,
 * `unix:/path`, `/path`, a URL of the protocol's schemes (`?weight=2` allowed), or an object.
 *
 * @throws TypeError where the text is none of these.
 */
export function parseServer(input: string | ServerObject, rules: AddressRules): ServerAddress {
  if (typeof input === 'object' && input !== null) return fromObject(input, rules)
  if (typeof input !== 'string') throw new TypeError(`a server is a string or an object`)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(input)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'unix') return fromUrl(input, scheme, rules)
  if (input.startsWith('unix:') || input.startsWith('/')) return fromPath(input)
  return fromHostPort(input, rules)
}

function fromObject(input: ServerObject, rules: AddressRules): ServerAddress {
  if (input.host !== undefined && typeof input.host !== 'string') {
    throw new TypeError('host of a server is a string')
  }
  return address(input, rules, JSON.stringify({ ...input, tls: undefined, password: undefined }))
}

function fromUrl(input: string, scheme: string, rules: AddressRules): ServerAddress {
  const known = Object.hasOwn(rules.schemes, scheme) ? rules.schemes[scheme] : undefined
  if (known === undefined) {
    throw new TypeError(`unknown scheme ${scheme}: in a server address`)
  }
  let url: URL
  try {
    // A scheme that URL knows nothing about keeps its port and is not normalised.
    url = new URL(input)
  } catch {
    throw new TypeError(`not a URL of a server: ${withoutPassword(input)}`)
  }
  const weight = url.searchParams.get('weight')
  const socket = url.hostname === '' && url.pathname !== '' ? url.pathname : undefined
  return address(
    {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? undefined : Number(url.port),
      path: socket,
      weight: weight === null ? undefined : Number(weight),
      tls: known.tls,
      username: url.username === '' ? undefined : decodeURIComponent(url.username),
      password: url.password === '' ? undefined : decodeURIComponent(url.password),
    },
    rules,
    withoutPassword(input),
  )
}

function fromPath(input: string): ServerAddress {
  const [path = '', query] = input.replace(/^unix:(\/\/)?/, '').split('?')
  const weight = query === undefined ? null : new URLSearchParams(query).get('weight')
  const rules = { defaultPort: 0, schemes: {} }
  if (!path.startsWith('/')) throw new TypeError(`not an absolute socket path: ${input}`)
  return address({ path, weight: weight === null ? undefined : Number(weight) }, rules, input)
}

function fromHostPort(input: string, rules: AddressRules): ServerAddress {
  if (isIPv6(input)) return address({ host: input }, rules, input)
  const parts = /^(?:\[([^\]]*)\]|([^:[\]\s/@]*))(?::(\d+))?(?::([\d.]+))?$/.exec(input)
  const [, bracketed, plain, port, weight] = parts ?? []
  const host = bracketed ?? plain
  if (host === undefined || host === '' || (bracketed !== undefined && !isIPv6(bracketed))) {
    throw new TypeError(`not a server address: ${withoutPassword(input)}`)
  }
  return address(
    {
      host,
      port: port === undefined ? undefined : Number(port),
      weight: weight === undefined ? undefined : Number(weight),
    },
    rules,
    input,
  )
}

function address(parts: ServerObject, rules: AddressRules, shown: string): ServerAddress {
  const { path, weight = 1, tls = false, username, password } = parts
  const host = path === undefined ? (parts.host ?? 'localhost') : ''
  const port = path === undefined ? (parts.port ?? rules.defaultPort) : 0
  if (path === undefined && (!Number.isInteger(port) || port < 1 || port > 65_535)) {
    throw new TypeError(`port of a server is not 1 to 65535: ${shown}`)
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (path === undefined && (host === '' || /[\s\u0000-\u001f/]/.test(host))) {
    throw new TypeError(`not a host name: ${shown}`)
  }
  if (path !== undefined && (typeof path !== 'string' || !path.startsWith('/'))) {
    throw new TypeError(`not an absolute socket path: ${shown}`)
  }
  if (typeof weight !== 'number' || !Number.isFinite(weight) || weight <= 0) {
    throw new TypeError(`weight of a server is not a number over 0: ${shown}`)
  }
  const name = path ?? (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
  return { name, host, port, path, weight, tls, username, password }
}

/** TLS settings for one server, its own before those for all; `undefined` where neither asks for TLS. */
export function tlsFor(
  { tls }: ServerAddress,
  all: ConnectionOptions | undefined,
): ConnectionOptions | undefined {
  if (typeof tls === 'object') return { ...all, ...tls }
  return all ?? (tls ? {} : undefined)
}

function withoutPassword(text: string): string {
  return text.replace(/[^/\s]*@/, '***@')
}
