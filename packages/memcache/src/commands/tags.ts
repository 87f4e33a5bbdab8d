import { createHash, randomBytes } from 'node:crypto'
import { latin1 } from '@glammp/wire'
import { ServerError } from '../errors.js'
import type { ValueDecoder } from '../protocol/request.js'
import { type Found, GetManyRequest } from '../protocol/retrieval.js'
import { StorageRequest, type Stored } from '../protocol/storage.js'
import type { Server } from '../servers/server.js'
import { NO_TAGS } from '../values/envelope.js'
import type { CommandContext } from './context.js'
import { derivedKey } from './derived-key.js'
import { type CallOptions, route, timeoutOf } from './route.js'

/** Times that versions may vanish between `add` and `get` before we give up. */
const ATTEMPTS = 5

const text: ValueDecoder = {
  decode: (_flags, bytes, start, end) => latin1(bytes, start, end),
}

// A stand-in would start another version, and the old one, with all that was stored under it,
// would be valid again when the tag's own server is back.
class VersionRead extends GetManyRequest {
  override get movable(): boolean {
    return false
  }
}

class VersionStore extends StorageRequest<boolean> {
  override get movable(): boolean {
    return false
  }
}

/**
 * The versions of tags, one small item each, which never expires. A value carries a fingerprint
 * of the versions that it was made under; a new version makes all of them misses at once.
 */
export class Tags {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  /** What the versions of these tags, in any order, look like now. */
  async fingerprint(tags: readonly string[], options: CallOptions | undefined): Promise<string> {
    if (tags.length === 0) return NO_TAGS
    const names = [...new Set(tags)].sort()
    const keys = names.map((name) => derivedKey(this.#context.keys, 'tag', name))
    const versions = await this.#versions(keys, options)
    const lines = keys.map((key) => `${key} ${versions.get(key)}`)
    const digest = createHash('sha256').update(lines.join('\n')).digest()
    return latin1(digest, 0, NO_TAGS.length)
  }

  /** Gives the tag a version that it never had. */
  async renew(tag: string, options: CallOptions | undefined): Promise<void> {
    await this.#store('set', derivedKey(this.#context.keys, 'tag', tag), newVersion(), options)
  }

  async #versions(
    keys: readonly string[],
    options: CallOptions | undefined,
  ): Promise<Map<string, string>> {
    const versions = new Map<string, string>()
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const missing = keys.filter((key) => !versions.has(key))
      await this.#read(missing, versions, options)
      const unknown = keys.filter((key) => !versions.has(key))
      await Promise.all(
        unknown.map(async (key) => {
          const version = newVersion()
          if (await this.#store('add', key, version, options)) versions.set(key, version)
        }),
      )
      if (versions.size === keys.length) return versions
    }
    throw new ServerError('wrap: the versions of its tags come and go', { command: 'wrap' })
  }

  async #read(
    keys: readonly string[],
    versions: Map<string, string>,
    options: CallOptions | undefined,
  ): Promise<void> {
    const { fleet } = this.#context
    await fleet.ready(options?.signal)
    const timeout = timeoutOf(this.#context, options)
    const groups = new Map<Server, string[]>()
    for (const key of keys) {
      const server = fleet.homeOf(key)
      const group = groups.get(server)
      if (group === undefined) groups.set(server, [key])
      else group.push(key)
    }
    const answers = [...groups].map(async ([server, group]) => {
      const request = new VersionRead('wrap', group, group, text, false)
      const found = await server.submit<Found>(request, timeout)
      for (const [position, item] of found.entries()) {
        if (item !== undefined) versions.set(group[position] as string, item.value as string)
      }
    })
    await Promise.all(answers)
  }

  #store(
    mode: 'set' | 'add',
    key: string,
    version: string,
    options: CallOptions | undefined,
  ): Promise<boolean> {
    const fields = { mode, key, data: version, flags: 0, exptime: 0, cas: '' }
    const request = new VersionStore('tag', key, fields, (stored: Stored) => stored === 'stored')
    request.patient = true
    return route(this.#context, key, request, options)
  }
}

// Never one that was there before: a tag that was evicted must not make old values valid again.
function newVersion(): string {
  return Date.now().toString(36) + randomBytes(9).toString('base64url')
}
