import { expect, it } from 'vitest'
import { utf8 } from './byte-text.js'

it('reads text of any length as UTF-8, also where the only character beyond ASCII is the last', () => {
  for (const length of [0, 1, 100, 2_047, 2_048, 2_049, 100_000]) {
    for (const end of ['', 'é', '€', '😀']) {
      const text = 'a'.repeat(length) + end
      const bytes = Buffer.from(`<${text}>`)
      expect(utf8(bytes, 1, bytes.length - 1)).toBe(text)
    }
  }
})
