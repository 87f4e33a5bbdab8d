import { describe, expect, it } from 'vitest'
import { readArguments } from './arguments.js'
import { Random } from './random.js'
import { runSeeds } from './seeds.js'
import { shrink } from './shrink.js'
import type { Subject } from './subject.js'

/** Programs are lists of numbers; those with a 7 and a 3 fail. */
const lists: Subject<readonly number[]> = {
  name: 'memcache',
  draw: (random) => random.times(20, () => random.between(0, 9)),
  run: async (program) => ({
    violations: program.includes(7) && program.includes(3) ? ['a 7 and a 3'] : [],
    figures: { numbers: program.length },
  }),
  smaller: (program) => program.map((_, at) => program.filter((_number, other) => other !== at)),
  print: (program) => program.join(' '),
}

describe('the random numbers', () => {
  it('are the same for the same seed, and others for the next', () => {
    const drawn = (seed: number) => lists.draw(new Random(seed))
    expect(drawn(5)).toEqual(drawn(5))
    expect(drawn(5)).not.toEqual(drawn(6))
  })

  it('take every value between the ends, and nothing else', () => {
    const random = new Random(1)
    const drawn = new Set(random.times(1_000, () => random.between(3, 6)))
    expect([...drawn].sort()).toEqual([3, 4, 5, 6])
  })

  it('are as frequent as their weights say', () => {
    const random = new Random(1)
    const drawn = random.times(1_000, () => random.weighted({ often: 9, seldom: 1, never: 0 }))
    const seldom = drawn.filter((name) => name === 'seldom').length
    expect(seldom).toBeGreaterThan(50)
    expect(seldom).toBeLessThan(200)
    expect(drawn).not.toContain('never')
  })
})

describe('a failing program', () => {
  it('is shortened to what makes it fail', async () => {
    const program = [1, 7, 2, 5, 3, 7, 3, 8]
    const judgement = await lists.run(program)
    const shrunk = await shrink(lists, program, judgement, { budget: 10_000, tries: 1 })
    expect([...shrunk.program].sort()).toEqual([3, 7])
  })

  it('is shortened no further when its time is over', async () => {
    const program = [7, 3, 1]
    const judgement = await lists.run(program)
    const shrunk = await shrink(lists, program, judgement, { budget: 0, tries: 1 })
    expect(shrunk).toEqual({ program, judgement, runs: 0 })
  })

  it('is printed, with the command that runs its seed again', async () => {
    const said: string[] = []
    const say = (text: string): number => said.push(text)
    const seeds = Array.from({ length: 30 }, (_, at) => at)
    const { failed, figures } = await runSeeds(lists, seeds, { jobs: 3, shrink: 10, say })
    expect(figures).toEqual({ numbers: 600 })
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.length).toBeLessThan(30)
    const last = said.at(-1)
    expect(last).toMatch(/\n(7 3|3 7)\n {2}a 7 and a 3\n/)
    expect(last).toContain(`npm run histories -- --only memcache --seed ${failed.at(-1)}`)
  })

  it('may be one that throws', async () => {
    const said: string[] = []
    const broken = { ...lists, run: () => Promise.reject(new Error('no server')) }
    const options = { jobs: 1, shrink: 0, say: (text: string) => said.push(text) }
    expect(await runSeeds(broken, [4], options)).toMatchObject({ failed: [4] })
    expect(said[0]).toContain('no server')
  })
})

describe('the arguments', () => {
  it('name the seeds', () => {
    expect(readArguments(['--seeds', '3', '--from', '10']).seeds).toEqual([10, 11, 12])
    expect(readArguments(['--seed', '9']).seeds).toEqual([9])
    expect(readArguments([]).seeds).toHaveLength(50)
  })

  it.for([
    ['--seeds', '0'],
    ['--seeds', 'x'],
    ['--jobs', '1.5'],
    ['--speed', '3'],
  ])('%s %s is refused', (args) => {
    expect(() => readArguments(args)).toThrow()
  })
})
