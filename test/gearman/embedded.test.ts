import { GearmanServer } from '@glammp/gearman/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'
import { serversAreReal } from '../support/server-source.js'
import { piecesOf, type Scene, type Step, steps } from './differential/steps.js'
import { Twin } from './differential/twin.js'

/** Sequences of steps to try; a second or two for each 30. */
const RUNS = Number(process.env['GLAMMP_DIFFERENTIAL_RUNS'] ?? 60)
/** Lists grow with what servers have seen, and so they are replaced after so many sequences. */
const SHARED = 25
const PREFIX = 'H:twin'

interface Difference {
  readonly asked: readonly string[]
  readonly expected: string
  readonly received: string
}

/** A gearmand and one inside this process. */
class Twins implements AsyncDisposable {
  readonly #flags: readonly string[]
  readonly #options: object
  #servers: readonly AsyncDisposable[] = []
  #twins: readonly Twin[] = []
  #sequences = 0

  constructor(flags: readonly string[], options: object) {
    this.#flags = flags
    this.#options = options
  }

  /** Runs a sequence on both; what was said up to the first difference, if there is one. */
  async difference(sequence: readonly Step[]): Promise<Difference | undefined> {
    if (this.#servers.length === 0) await this.#start()
    this.#sequences += 1
    const handles: string[] = []
    const asked: string[] = []
    const scene: Scene = { prefix: `${this.#sequences}.`, handles }
    const [real, embedded] = this.#twins
    if (real === undefined || embedded === undefined) throw new Error('no servers')
    for (const step of sequence) {
      const { place, isLast } = step
      const pieces = piecesOf(step, scene)
      asked.push(`${place}: ${shown(Buffer.concat(pieces).toString('latin1'))}`)
      const said = await Promise.all(
        [real, embedded].map((twin) => twin.say(place, pieces, isLast)),
      )
      const [expected = '', received = ''] = said.map((each) => each.map(common).join('\n'))
      if (expected !== received) {
        await this[Symbol.asyncDispose]()
        return { asked, expected: shown(expected), received: shown(received) }
      }
      for (const [handle] of expected.matchAll(/H:twin:\d+/g)) handles.push(handle)
    }
    for (const twin of [real, embedded]) twin.close()
    if (this.#sequences % SHARED === 0) await this[Symbol.asyncDispose]()
    return undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const twin of this.#twins) twin.close()
    const servers = this.#servers
    this.#servers = []
    for (const server of servers) await server[Symbol.asyncDispose]()
  }

  async #start(): Promise<void> {
    const args = ['--job-handle-prefix', PREFIX, ...this.#flags]
    const real = await startGearmand({ args })
    const options = { handlePrefix: PREFIX, ...this.#options }
    const embedded = await GearmanServer.start(options)
    this.#servers = [real, embedded]
    this.#twins = [new Twin(real.port), new Twin(embedded.port)]
  }
}

/** Without what differs between any two gearmands: their version, their process and descriptors. */
const common = (said: string): string =>
  said
    .replaceAll(/OK 1\.[\d.]+\S*\n/g, 'OK version\n')
    .replaceAll(/OK \d+\n/g, 'OK pid\n')
    .replaceAll(/\d+ 127\.0\.0\.1 /g, 'fd 127.0.0.1 ')

const servers = [
  { flags: [], options: {} },
  { flags: ['-R'], options: { roundRobin: true } },
  {
    flags: ['--exceptions', '-w', '1', '-j', '2'],
    options: { exceptions: true, workerWakeup: 1, jobRetries: 2 },
  },
]

/** Readable, and short. */
const shown = (bytes: string): string =>
  JSON.stringify(bytes.replaceAll('\0', '|'))
    .replaceAll(/(.)\1{40,}/g, (all, character) => `${character}{${all.length}}`)
    .replaceAll('\\u00', '\\x')

test.runIf(serversAreReal).each(servers)(
  'a server inside the process answers as gearmand $flags does',
  { timeout: 3_600_000 },
  async ({ flags, options }) => {
    await using twins = new Twins(flags, options)
    const property = fc.asyncProperty(steps, async (sequence) => {
      // Once may be chance: a gearmand has threads.
      if ((await twins.difference(sequence)) === undefined) return
      const difference = await twins.difference(sequence)
      if (difference === undefined) return
      const { asked, expected, received } = difference
      const told = [...asked, `gearmand: ${expected}`, `in process: ${received}`].join('\n')
      expect.fail(told)
    })
    const outcome = await fc.check(property, { numRuns: Math.ceil(RUNS / servers.length) })
    if (outcome.failed) throw outcome.errorInstance
  },
)
