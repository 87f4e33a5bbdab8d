import { describe, expect, test } from 'vitest'
import { readCorpus } from './engine/corpus.js'
import { Mutator } from './engine/mutator.js'
import { trial } from './engine/trial.js'
import { targets } from './targets/index.js'

/** Changed inputs for each decoder. `npm run fuzz` looks for many more, led by what they reach. */
const CHANGED = 300

describe.each(targets)('$name', (target) => {
  const seeds = target.seeds.map((each) =>
    typeof each === 'string' ? Buffer.from(each, 'latin1') : Buffer.from(each),
  )
  const corpus = readCorpus(target.name)

  test('reads what the fuzzer kept, or refuses it, as it promises', async () => {
    expect(corpus.length).toBeGreaterThan(0)
    for (const input of [...seeds, ...corpus]) {
      expect(await trial(target, input), input.toString('base64')).toBeUndefined()
    }
  })

  test('so it does with changes of it, and with garbage', async () => {
    const mutator = new Mutator(1, target.words, target.longest ?? 4_096)
    const known = [...seeds, ...corpus, Buffer.alloc(0)]
    const any = (): Buffer => known[mutator.below(known.length)] as Buffer
    for (let turn = 0; turn < CHANGED; turn += 1) {
      const input = mutator.mutate(any(), any())
      expect(await trial(target, input), input.toString('base64')).toBeUndefined()
    }
    const large = mutator.blowUp(any(), 100_000)
    expect(await trial(target, large), 'a large one').toBeUndefined()
  })
})
