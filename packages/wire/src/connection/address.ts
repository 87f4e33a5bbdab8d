import { isIPv6 } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { type Check, isPlain, isTlsOption, OptionRules, wrong } from '../checks/option-rules.js'

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
  /** Host name or IP address; `localhost` where only a `port` is given. */
  readonly host?: string | undefined
  /** TCP port; the protocol's own if absent. */
  readonly port?: number | undefined
  /** Path of a unix socket, in place of host and port. */
  readonly path?: string | undefined
  /** Share relative to the other servers, over 0; 1 if absent. */
  readonly weight?: number | undefined
  /**
   * TLS for this server: `true`, or settings of `node:tls` that take precedence over those for all
   * servers.
   */
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

/** Only digits after a colon: other text may be a password. */
const PLAIN_SERVER = /^(?:[\w.-]{1,80}|\[[\da-f:.]{2,45}\])(?::\d{0,10})?$/i

/** What a server may be, for errors. */
const SHAPES = "'host:port', a URL, 'unix:/path' or an object of host, port, ..."

const isText = (value: unknown): boolean => typeof value === 'string'
const isNumber = (value: unknown): boolean => typeof value === 'number'

/** The types of a server's settings; the values are checked where all forms come together. */
const SERVER_RULES = new OptionRules<ServerObject>(
  {
    host: type('a string', isText),
    port: type('a number', isNumber),
    path: type('a string', isText),
    weight: type('a number', isNumber),
    tls: type('a boolean or settings of node:tls', isTlsOption),
    username: type('a string', isText),
    password: type('a string', isText),
  },
  'text or ',
)

/** Its error does not show the value, which may be a password in the wrong place. */
function type(wanted: string, fits: (value: unknown) => boolean): Check {
  return (name, value) => {
    if (!fits(value)) throw new TypeError(`${name} is ${wanted}`)
  }
}

/**
 * Reads the servers of a constructor or an environment variable: one string with commas or white
 * space between servers, one server object, or an array of either.
 *
 * Errors show no text that may contain a password, not even the piece that a comma in the password
 * makes a server of its own: they give the position in the list instead.
 *
 * @throws TypeError for text that is not an address, and for a list that names no server or names
 * one twice.
 */
export function parseServers(
  input: string | ServerObject | readonly (string | ServerObject)[],
  rules: AddressRules,
): ServerAddress[] {
  const items = (Array.isArray(input) ? input : [input]) as readonly (string | ServerObject)[]
  const isOpen = items.every((item) => typeof item !== 'string' || !/[@/]/.test(item))
  const parts = items.flatMap<string | ServerObject>((item) =>
    typeof item === 'string' ? item.split(/[\s,]+/).filter((part) => part !== '') : [item],
  )
  const label = (position: number): string => {
    const part = parts[position]
    const isShown = isOpen && typeof part === 'string' && PLAIN_SERVER.test(part)
    const place = parts.length === 1 ? 'the server' : `server ${position + 1} of the list`
    return isShown ? `${place}, '${part}'` : place
  }
  const servers = parts.map((part, position) => readServer(part, rules, label(position)))
  const names = new Set<string>()
  for (const [position, { name }] of servers.entries()) {
    if (names.has(name)) throw new TypeError(`${label(position)} is listed twice`)
    names.add(name)
  }
  if (servers.length === 0) throw new TypeError('the list of servers is empty')
  return servers
}

/**
 * Reads one server: `host`, `host:port`, `host:port:weight`, `[::1]:11211`, a bare IPv6 address,
 * `unix:/path`, `/path`, a URL of the protocol's schemes (`?weight=2` allowed), or an object.
 *
 * @throws TypeError for any other form.
 */
export function parseServer(input: string | ServerObject, rules: AddressRules): ServerAddress {
  return readServer(input, rules, 'the server')
}

/** @param label - what errors call it. */
function readServer(input: unknown, rules: AddressRules, label: string): ServerAddress {
  if (typeof input !== 'string') return fromObject(input, rules, label)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(input)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'unix') return fromUrl(input, scheme, rules, label)
  if (input.startsWith('unix:') || input.startsWith('/')) return fromPath(input, label)
  return fromHostPort(input, rules, label)
}

function fromObject(input: unknown, rules: AddressRules, label: string): ServerAddress {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new TypeError(wrong(label, SHAPES, input))
  }
  if (!isPlain(input) && Object.keys(input).length === 0) {
    const isUrl = Object.prototype.toString.call(input) === '[object URL]'
    throw new TypeError(`${label} is ${SHAPES}; not ${isUrl ? 'a URL object' : 'an object'}`)
  }
  const server = input as ServerObject
  SERVER_RULES.check(label, server, `${label}: `)
  const { host, port, path } = server
  if (host === undefined && port === undefined && path === undefined) {
    throw new TypeError(`${label} has neither host, port nor path`)
  }
  if (path !== undefined && (host !== undefined || port !== undefined)) {
    throw new TypeError(`${label} has host and port, or a path; not both`)
  }
  return address(server, rules, label)
}

function fromUrl(input: string, scheme: string, rules: AddressRules, label: string): ServerAddress {
  const known = Object.hasOwn(rules.schemes, scheme) ? rules.schemes[scheme] : undefined
  if (known === undefined) {
    const schemes = Object.keys(rules.schemes).map((name) => `${name}://`)
    throw new TypeError(`${label} is a URL of ${schemes.join(', ')}`)
  }
  let url: URL
  try {
    // A scheme that URL knows nothing about keeps its port and is not normalised.
    url = new URL(input)
  } catch {
    // Its error holds the whole text.
    throw new TypeError(`${label} is not a valid URL; ${ESCAPES}`)
  }
  const { hostname, pathname, searchParams, hash } = url
  const names = [...searchParams.keys()]
  const isSocket = hostname === '' && pathname !== ''
  // What a / ? or # in a password has cut off, including the host, would otherwise be ignored.
  if (
    hash !== '' ||
    (!isSocket && pathname !== '' && pathname !== '/') ||
    names.some((name) => name !== 'weight') ||
    names.length > 1
  ) {
    throw new TypeError(`${label} is a URL of a host and a port, ?weight=2 at most; ${ESCAPES}`)
  }
  return address(
    {
      host: isSocket ? undefined : hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? undefined : Number(url.port),
      path: isSocket ? pathname : undefined,
      weight: weightOf(searchParams),
      tls: known.tls,
      username: unescaped(url.username, label),
      password: unescaped(url.password, label),
    },
    rules,
    label,
  )
}

const ESCAPES =
  'in user name and password % / ? # @ : comma and space are %25 %2F %3F %23 %40 %3A %2C %20'

/** @throws TypeError where a % does not begin an escape. */
function unescaped(text: string, label: string): string | undefined {
  if (text === '') return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TypeError(`${label} has an invalid % escape in user name or password: write %25`)
  }
}

/** `undefined` without one; NaN for anything but digits. */
function weightOf(query: URLSearchParams): number | undefined {
  const weight = query.get('weight')
  if (weight === null) return undefined
  return /^\d+(\.\d+)?$/.test(weight) ? Number(weight) : Number.NaN
}

function fromPath(input: string, label: string): ServerAddress {
  const [path = '', query = '', ...rest] = input.replace(/^unix:(\/\/)?/, '').split('?')
  const parameters = new URLSearchParams(query)
  const names = [...parameters.keys()]
  if (rest.length > 0 || names.some((name) => name !== 'weight') || names.length > 1) {
    throw new TypeError(`${label} is the path of a socket, with ?weight=2 at most`)
  }
  return address({ path, weight: weightOf(parameters) }, { defaultPort: 0, schemes: {} }, label)
}

function fromHostPort(input: string, rules: AddressRules, label: string): ServerAddress {
  if (isIPv6(input)) {
    const [, start = '', port = ''] = /^(.+):(\d+)$/.exec(input) ?? []
    if (isIPv6(start)) {
      throw new TypeError(
        `${label} may end in a port or not: write [${start}]:${port} or [${input}]`,
      )
    }
    return address({ host: input }, rules, label)
  }
  const parts = /^(?:\[([^\]]*)\]|([^:[\]\s/@]*))(?::(\d+))?(?::(\d+(?:\.\d+)?))?$/.exec(input)
  const [, bracketed, plain, port, weight] = parts ?? []
  const host = bracketed ?? plain
  if (host === undefined || host === '' || (bracketed !== undefined && !isIPv6(bracketed))) {
    throw new TypeError(`${label} is not an address: ${SHAPES}`)
  }
  return address(
    {
      host,
      port: port === undefined ? undefined : Number(port),
      weight: weight === undefined ? undefined : Number(weight),
    },
    rules,
    label,
  )
}

// Control characters, characters that end a host in an address, and those that would make it a
// different name.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const NO_HOST = /[\s\u0000-\u001f\u007f/@?#%:,[\]\\]/

function address(parts: ServerObject, rules: AddressRules, label: string): ServerAddress {
  const { path, weight = 1, tls = false, username, password } = parts
  const host = path === undefined ? (parts.host ?? 'localhost') : ''
  const port = path === undefined ? (parts.port ?? rules.defaultPort) : 0
  if (path === undefined && (!Number.isInteger(port) || port < 1 || port > 65_535)) {
    throw new TypeError(`the port of ${label} is not 1 to 65535`)
  }
  if (path === undefined && (host === '' || (NO_HOST.test(host) && !isIPv6(host)))) {
    throw new TypeError(`the host of ${label} is neither a host name nor an IP address`)
  }
  if (path !== undefined && (!path.startsWith('/') || path.includes('\0'))) {
    throw new TypeError(`the path of ${label} is not absolute`)
  }
  if (!Number.isFinite(weight) || weight <= 0) {
    throw new TypeError(`the weight of ${label} is not a number over 0`)
  }
  const name = path ?? (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
  const result = { name, host, port, path, weight, tls, username, password }
  // Code that prints the servers, such as a user's distribution, prints no secrets.
  for (const secret of ['tls', 'username', 'password'] as const) {
    if (typeof result[secret] === 'boolean') continue
    Object.defineProperty(result, secret, { enumerable: false })
  }
  return result
}

/**
 * TLS settings for one server; its own take precedence over those for all; `undefined` where
 * neither asks for TLS.
 */
export function tlsFor(
  { tls }: ServerAddress,
  all: ConnectionOptions | undefined,
): ConnectionOptions | undefined {
  if (typeof tls === 'object') return { ...all, ...tls }
  return all ?? (tls ? {} : undefined)
}
