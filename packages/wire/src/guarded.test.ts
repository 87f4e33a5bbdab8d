import { EventEmitter, once } from 'node:events'
import { expect, it } from 'vitest'
import { guarded, tell } from './guarded.js'
import { Deadline, Deadlines } from './time/deadline.js'

// Vitest has listeners of its own, which would call the run a failure.
async function uncaughtOf(run: () => void): Promise<unknown> {
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  try {
    const told = once(process, 'uncaughtException')
    run()
    return (await told)[0]
  } finally {
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
}

it('tells what was thrown as uncaught, after the work of this tick', async () => {
  const error = new Error('a bug of the user')
  let went = false
  const told = await uncaughtOf(() => {
    guarded(() => {
      throw error
    })
    went = true
  })
  expect(told).toBe(error)
  expect(went).toBe(true)
})

class Entry extends Deadline {
  readonly #run: () => void
  constructor(run: () => void) {
    super()
    this.#run = run
  }
  expire(): void {
    this.#run()
  }
}

it('lets the deadlines go on behind one that throws', async () => {
  const deadlines = new Deadlines()
  let second: Promise<void> | undefined
  await uncaughtOf(() => {
    deadlines.add(
      new Entry(() => {
        throw new Error('thrown')
      }),
      1,
    )
    second = new Promise((resolve) => deadlines.add(new Entry(resolve), 1))
  })
  await second
})

it('tells every listener, also behind one that throws, and one that listens once only once', async () => {
  const emitter = new EventEmitter()
  const heard: unknown[] = []
  const bug = new Error('a bug in the listener')
  emitter.on('event', () => {
    throw bug
  })
  emitter.once('event', (...words) => heard.push(words))
  emitter.on('event', (...words) => heard.push(words))
  expect(await uncaughtOf(() => tell(emitter, 'event', 1, 2))).toBe(bug)
  expect(await uncaughtOf(() => tell(emitter, 'event', 3))).toBe(bug)
  expect(heard).toEqual([[1, 2], [1, 2], [3]])
})
