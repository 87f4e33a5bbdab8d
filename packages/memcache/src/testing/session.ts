import { latin1 } from '@glammp/wire'
import type { Peer, Reader } from '@glammp/wire/testing'
import { bytesOf, keep } from './changes.js'
import { unsigned32, wordsOf } from './command-line.js'
import type { Settings } from './settings.js'
import type { Store, Value } from './store.js'
import type { Watched, Watchers } from './watchers.js'

/** What all connections of a server share. */
export interface SessionOwner {
  readonly store: Store
  /** `name password`, a character a byte, where clients have to say that first. */
  readonly secret: string | undefined
  readonly settings: Settings
  readonly watchers: Watchers
  /** Open connections. */
  readonly sessions: Set<Session>
  /** Hears of each command line. */
  heard(line: string): void
  /** Runs a command; what it wants to say goes to the session. */
  run(session: Session, words: readonly string[]): void
}

/** What a command does, by the words of its line. */
export type Run = (session: Session, words: readonly string[]) => void

/** A value that is on its way. */
interface Block {
  /** Bytes, with the line end behind them. */
  readonly length: number
  readonly done: (value: Value, isWhole: boolean) => void
}

/** memcached's first connection has this file descriptor, behind those of its own. */
const FIRST_FILE = 12
/** What a request of the binary protocol begins with. */
const BINARY = 0x80
const NEWLINE = 10
const RETURN = 13
/** Without a newline among so many bytes, a line is none, unless it reads many keys. */
const LONGEST_WAIT = 2_048
/** What memcached reads at once: no other line is longer. */
const READ_AT_ONCE = 16_384
/** memcached has no such limit for lines of many keys. */
const MOST_KEYS = 4 << 20

/** The text side of one connection: bytes, in whatever pieces, become commands and their values. */
export class Session implements Reader {
  /** The command that runs wants no answer. */
  noreply = false
  /** In place of the file descriptor: the lowest one that is free. */
  readonly file: number
  /** Where the client is; `undefined` at a unix socket. */
  readonly remote: { readonly address: string; readonly port: number } | undefined
  /** When the last command came, in seconds of the server's time. */
  lastCommand: number
  readonly #peer: Peer
  readonly #owner: SessionOwner
  /** What came while a long answer is on its way; `undefined` if none is. */
  #later: Buffer[] | undefined
  #authenticated: boolean
  /** What waits for its end: a piece of a line, or of a value. */
  #rest: Buffer[] = []
  #restLength = 0
  #block: Block | undefined
  #swallow = 0
  /** What an unknown client is told; memcached keeps only the last of what it would say to one read. */
  #verdict = ''
  #ended = false
  #isNew = true

  constructor(peer: Peer, owner: SessionOwner) {
    this.#peer = peer
    this.#owner = owner
    this.#authenticated = owner.secret === undefined
    const { remoteAddress: address, remotePort: port } = peer
    this.remote = address === '' ? undefined : { address, port }
    const { sessions, store, watchers } = owner
    const taken = new Set([...sessions].map(({ file }) => file))
    let file = FIRST_FILE
    while (taken.has(file)) file += 1
    this.file = file
    sessions.add(this)
    store.tick()
    this.lastCommand = store.now
    store.counters.total_connections += 1
    watchers.came(this)
  }

  get store(): Store {
    return this.#owner.store
  }

  get owner(): SessionOwner {
    return this.#owner
  }

  /** Bytes that wait since the client does not read them. */
  get backlog(): number {
    return this.#peer.backlog
  }

  read(chunk: Buffer): void {
    // The first byte decides, where no password is asked. Who speaks the binary protocol would wait for ever.
    if (this.#isNew && chunk[0] === BINARY && this.#authenticated) {
      this.end()
      return
    }
    this.#isNew = false
    this.store.counters.bytes_read += chunk.length
    this.#take(chunk)
  }

  #take(chunk: Buffer): void {
    this.store.tick()
    this.#owner.watchers.file = this.file
    let at = 0
    while (at < chunk.length && !this.#ended) {
      if (this.#later !== undefined) {
        this.#later.push(chunk.subarray(at))
        return
      }
      if (this.#swallow > 0) {
        const taken = Math.min(this.#swallow, chunk.length - at)
        this.#swallow -= taken
        at += taken
      } else {
        at = this.#block === undefined ? this.#readLine(chunk, at) : this.#readBlock(chunk, at)
      }
    }
    if (this.#verdict !== '') this.#tell()
  }

  gone(): void {
    this.#leave()
    this.#block = undefined
  }

  /** Answers with a line, unless the command wants none. */
  reply(line: string): void {
    if (this.noreply) this.noreply = false
    else this.#say(`${line}\r\n`)
  }

  /** Answers with a line, wanted or not. */
  insist(line: string): void {
    this.noreply = false
    this.#say(`${line}\r\n`)
  }

  /** Bytes of an answer; text has a character a byte. */
  write(bytes: Value): void {
    this.#say(bytes)
  }

  /** The next bytes are a value of this length. */
  expect(length: number, done: Block['done']): void {
    this.#block = { length: length + 2, done }
  }

  /** The next bytes are a value of this length that nobody wants. */
  swallow(length: number): void {
    this.#swallow = length + 2
  }

  /** Answers with as many pieces as come, as the client takes them. Its other commands wait. */
  writeFrom(pieces: Iterable<string>): void {
    this.#later = []
    this.#peer.writeFrom(this.#withRest(pieces))
  }

  *#withRest(pieces: Iterable<string>): Generator<string> {
    yield* pieces
    const later = this.#later ?? []
    this.#later = undefined
    for (const chunk of later) this.#take(chunk)
  }

  /** From now on it only hears what the server does. */
  watch(watched: ReadonlySet<Watched>): boolean {
    const isTaken = this.#owner.watchers.add(this, watched)
    if (isTaken) {
      this.#ended = true
      this.#drop()
    }
    return isTaken
  }

  /** Closes the connection behind what was answered. */
  end(): void {
    this.#leave()
    this.#peer.end()
  }

  #leave(): void {
    this.#ended = true
    this.#later = undefined
    this.#drop()
    if (this.#owner.sessions.delete(this)) this.#owner.watchers.left(this)
  }

  #say(bytes: Value): void {
    this.store.counters.bytes_written += bytes.length
    this.#peer.write(bytes)
  }

  #drop(): void {
    this.#rest = []
    this.#restLength = 0
  }

  #keepRest(chunk: Buffer, at: number): number {
    // A small piece is copied, since all that was read with it would be kept too.
    const isMost = at < chunk.length / 2
    this.#rest.push(isMost ? chunk.subarray(at) : Buffer.from(chunk.subarray(at)))
    this.#restLength += chunk.length - at
    return chunk.length
  }

  #readLine(chunk: Buffer, at: number): number {
    const newline = chunk.indexOf(NEWLINE, at)
    const isWhole = newline >= 0
    if (!isWhole) this.#keepRest(chunk, at)
    const length = isWhole ? this.#restLength + newline - at : this.#restLength
    if (isWhole ? length >= READ_AT_ONCE : length > LONGEST_WAIT) {
      const start = this.#restLength > 0 ? Buffer.concat(this.#rest) : chunk.subarray(at)
      if (!readsManyKeys(start) || length > MOST_KEYS) {
        this.end()
        return chunk.length
      }
      // One piece, so that the next look does not join them all again.
      if (this.#rest.length > 8) this.#rest = [start]
    }
    if (!isWhole) return chunk.length
    if (this.#restLength === 0) {
      this.#runLine(chunk, at, newline)
    } else {
      this.#rest.push(chunk.subarray(at, newline))
      const line = Buffer.concat(this.#rest)
      this.#drop()
      this.#runLine(line, 0, line.length)
    }
    return newline + 1
  }

  #runLine(bytes: Buffer, start: number, newline: number): void {
    const end = newline - start > 1 && bytes[newline - 1] === RETURN ? newline - 1 : newline
    const line = latin1(bytes, start, end)
    this.lastCommand = this.store.now
    this.#owner.heard(line)
    this.noreply = false
    if (!this.#authenticated) this.#authenticate(wordsOf(line))
    else this.#owner.run(this, wordsOf(line))
  }

  #readBlock(chunk: Buffer, at: number): number {
    const { length } = this.#block as Block
    const missing = length - this.#restLength
    if (chunk.length - at < missing) return this.#keepRest(chunk, at)
    const end = at + missing
    if (this.#restLength === 0) {
      this.#endBlock(chunk, at, end)
    } else {
      this.#rest.push(chunk.subarray(at, end))
      const whole = Buffer.concat(this.#rest)
      this.#drop()
      this.#endBlock(whole, 0, whole.length)
    }
    return end
  }

  #endBlock(bytes: Buffer, start: number, end: number): void {
    const { done } = this.#block as Block
    this.#block = undefined
    const isWhole = bytes[end - 2] === RETURN && bytes[end - 1] === NEWLINE
    done(isWhole ? keep(bytes, start, end - 2) : '', isWhole)
  }

  /** The first command has to be a `set` of any key, whose value is the name and the password. */
  #authenticate(words: readonly string[]): void {
    const length = unsigned32(words[4] ?? '')
    if (words.length < 5 || words[0] !== 'set' || length === undefined) {
      this.#verdict = 'CLIENT_ERROR unauthenticated'
      return
    }
    if (length + 2 > READ_AT_ONCE) {
      this.end()
      return
    }
    this.expect(length, (value, isWhole) => {
      if (isWhole) this.#check(bytesOf(value).toString('latin1'))
      else this.#verdict = 'CLIENT_ERROR bad command line termination'
    })
  }

  #check(text: string): void {
    const [name, password] = wordsOf(text)
    if (name === undefined || password === undefined) {
      this.#verdict = 'CLIENT_ERROR bad authentication token format'
      return
    }
    const { counters } = this.store
    counters.auth_cmds += 1
    if (`${name} ${password}` === this.#owner.secret) {
      this.#authenticated = true
      this.#verdict = 'STORED'
      this.#tell()
    } else {
      counters.auth_errors += 1
      this.#verdict = 'CLIENT_ERROR authentication failure'
    }
  }

  #tell(): void {
    this.#peer.write(`${this.#verdict}\r\n`)
    this.#verdict = ''
  }
}

function readsManyKeys(start: Buffer): boolean {
  const text = latin1(start, 0, Math.min(start.length, 110))
  const command = text.trimStart()
  if (text.length - command.length > 100) return false
  return command.startsWith('get ') || command.startsWith('gets ')
}
