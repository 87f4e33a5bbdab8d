import { createHash, randomBytes } from 'node:crypto'
import { latin1, nextTick } from '@glammp/wire'
import type { CommandContext } from '../dispatch/context.js'
import { type CallOptions, route, timeoutOf } from '../dispatch/route.js'
import { ServerError } from '../errors.js'
import { tagKey } from '../keys/derived-key.js'
import { type Found, GetManyRequest } from '../requests/retrieval.js'
import { TAG_ATTEMPTS } from '../requests/retry.js'
import { StorageRequest, type Stored } from '../requests/storage.js'
import type { Server } from '../servers/server.js'
import { NO_TAGS } from '../values/envelope.js'
import type { ValueDecoder } from '../values/value-decoder.js'

const text: ValueDecoder = {
  decode: (_flags, bytes, start, end) => latin1(bytes, start, end),
}

type Versions = Map<string, string>

// A stand-in would start another version, and the old one, with everything stored under it, would
// become valid again when the tag's own server is back.
class VersionRead extends GetManyRequest {
  readonly #tags: readonly string[]
  readonly #versions: Versions

  constructor(tags: readonly string[], versions: Versions) {
    super('wrap', tags, tags, text, false)
    this.#tags = tags
    this.#versions = versions
  }

  override get movable(): boolean {
    return false
  }

  // At once, and not in a later microtask: values that arrived in the same chunk are judged by it.
  override succeed(found: Found): void {
    for (const [position, item] of found.entries()) {
      if (item === undefined) continue
      this.#versions.set(this.#tags[position] as string, item.value as string)
    }
    super.succeed(found)
  }
}

class VersionStore extends StorageRequest<boolean> {
  override get movable(): boolean {
    return false
  }
}

/** The fingerprint of the versions of some tags, for all that ask for it in one tick. */
export interface Print {
  /** What a value must carry to be valid; `undefined`: not known yet. */
  known(): string | undefined
  /** The same, once it is known. */
  later(): Promise<string>
}

const none: Print = {
  known: () => NO_TAGS,
  later: () => Promise.resolve(NO_TAGS),
}

/** What was asked for in one tick: it is sent in one batch, so one answer serves all. */
interface Tick {
  readonly timeout: number
  readonly prints: Map<string, Print>
  readonly versions: Versions
  readonly reads: Map<string, Promise<void>>
}

/**
 * The versions of tags, one small item each, which never expires. A value carries a fingerprint
 * of the versions that it was made under; a new version makes all of them misses at once.
 */
export class Tags {
  readonly #context: CommandContext
  #tick: Tick | undefined

  constructor(context: CommandContext) {
    this.#context = context
  }

  /** Asks for the current versions of these tags, in any order. */
  print(tags: readonly string[], options: CallOptions | undefined): Print {
    if (tags.length === 0) return none
    const timeout = timeoutOf(this.#context, options)
    const tick = this.#tickOf(timeout)
    const name = nameOf(tags)
    let print = tick.prints.get(name)
    if (print === undefined) {
      const keys = [...new Set(tags)].sort().map((tag) => this.#keyOf(tag))
      this.#read(
        keys.filter((key) => !tick.reads.has(key)),
        tick,
      )
      print = new TagPrint(keys, tick.versions, () => this.#complete(keys, tick))
      tick.prints.set(name, print)
    }
    return print
  }

  /** Gives the tag a version that it never had. */
  async renew(tag: string, options: CallOptions | undefined): Promise<void> {
    // Later requests must not share an earlier answer.
    this.#tick = undefined
    await this.#store('set', this.#keyOf(tag), newVersion(), options)
  }

  #keyOf(tag: string): string {
    return tagKey(this.#context.keys, tag)
  }

  #tickOf(timeout: number): Tick {
    if (this.#tick?.timeout === timeout) return this.#tick
    const tick = { timeout, prints: new Map(), versions: new Map(), reads: new Map() }
    this.#tick = tick
    nextTick(() => {
      if (this.#tick === tick) this.#tick = undefined
    })
    return tick
  }

  async #complete(keys: readonly string[], tick: Tick): Promise<void> {
    const { versions, timeout } = tick
    await Promise.all(keys.map((key) => tick.reads.get(key)))
    for (let attempt = 0; attempt < TAG_ATTEMPTS; attempt += 1) {
      const unknown = keys.filter((key) => !versions.has(key))
      if (unknown.length === 0) return
      const added = unknown.map(async (key) => {
        const version = newVersion()
        if (await this.#store('add', key, version, { timeout })) versions.set(key, version)
      })
      await Promise.all(added)
      await this.#readNow(
        unknown.filter((key) => !versions.has(key)),
        versions,
        timeout,
      )
    }
    if (keys.every((key) => versions.has(key))) return
    throw new ServerError('wrap: the versions of its tags keep disappearing', { command: 'wrap' })
  }

  /** Asks for versions; all that need one in this tick share its answer. */
  #read(keys: readonly string[], tick: Tick): void {
    if (keys.length === 0) return
    const read = this.#readNow(keys, tick.versions, tick.timeout)
    read.catch(() => {})
    for (const key of keys) tick.reads.set(key, read)
  }

  #readNow(keys: readonly string[], versions: Versions, timeout: number): Promise<void> {
    const { fleet } = this.#context
    const ready = fleet.ready()
    if (ready !== undefined) return ready.then(() => this.#ask(keys, versions, timeout))
    return this.#ask(keys, versions, timeout)
  }

  async #ask(keys: readonly string[], versions: Versions, timeout: number): Promise<void> {
    const groups = new Map<Server, string[]>()
    for (const key of keys) {
      const server = this.#context.fleet.homeOf(key)
      const group = groups.get(server)
      if (group === undefined) groups.set(server, [key])
      else group.push(key)
    }
    const answers = [...groups].map(([server, group]) =>
      server.submit<Found>(new VersionRead(group, versions), timeout),
    )
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
    request.course.patient = true
    return route(this.#context, key, request, options)
  }
}

class TagPrint implements Print {
  readonly #keys: readonly string[]
  readonly #versions: Versions
  readonly #complete: () => Promise<void>
  #value: string | undefined
  #completed: Promise<string> | undefined

  /** @param complete - resolves when all the versions are there. */
  constructor(keys: readonly string[], versions: Versions, complete: () => Promise<void>) {
    this.#keys = keys
    this.#versions = versions
    this.#complete = complete
  }

  known(): string | undefined {
    if (this.#value === undefined && this.#keys.every((key) => this.#versions.has(key))) {
      const lines = this.#keys.map((key) => `${key} ${this.#versions.get(key)}`)
      this.#value = fingerprintOf(lines.join('\n'))
    }
    return this.#value
  }

  later(): Promise<string> {
    this.#completed ??= this.#complete().then(() => this.known() as string)
    return this.#completed
  }
}

/** One text for each list. A list of one is itself, which costs least, unless it looks like a longer one. */
function nameOf(tags: readonly string[]): string {
  const [first = ''] = tags
  return tags.length === 1 && !first.startsWith('[') ? first : JSON.stringify(tags)
}

/** Fingerprints that were computed lately: versions stay the same from tick to tick. */
const fingerprints = new Map<string, string>()
const MOST_FINGERPRINTS = 256

function fingerprintOf(versions: string): string {
  let fingerprint = fingerprints.get(versions)
  if (fingerprint === undefined) {
    const digest = createHash('sha256').update(versions).digest()
    fingerprint = latin1(digest, 0, NO_TAGS.length)
    if (fingerprints.size === MOST_FINGERPRINTS) fingerprints.clear()
    fingerprints.set(versions, fingerprint)
  }
  return fingerprint
}

// Never one that was there before: a tag that was evicted must not make old values valid again.
function newVersion(): string {
  return Date.now().toString(36) + randomBytes(9).toString('base64url')
}
