import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

// Each row of the table "Side by side" in the manual has a test of its name, beside the other tests of
// its subject.

describe('the table in the manual', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const manual = readFileSync(join(root, 'packages/memcache/README.md'), 'utf8')
  const section = manual.split('## Side by side')[1]?.split('\n## ')[0] ?? ''
  const rows = [...section.matchAll(/^\|(.+)\|$/gm)]
    .map(([, row = '']) => row.split('|').map((cell) => cell.trim()))
    .slice(2)

  test('has no empty cell on our side, and rows that none of the others fills', () => {
    expect(rows.length).toBeGreaterThan(50)
    for (const [name = '', own, ...others] of rows) {
      expect(own, name).toBe('yes')
      expect(others, name).toHaveLength(7)
      for (const cell of others) expect(['yes', 'no', 'partly', ''], name).toContain(cell)
    }
    const ours = rows.filter(([, , ...others]) => others.every((cell) => cell === 'no'))
    expect(ours.length).toBeGreaterThan(5)
  })

  test('has a test for every row, of its name', () => {
    const text = readdirSync(import.meta.dirname)
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
      .join('\n')
    const titles = new Set(
      [...text.matchAll(/\btest(?:\.\w+(?:\([^)]*\))?)*\(\s*'([^']+)'/g)].map(([, title]) => title),
    )
    for (const [name = ''] of rows) expect([...titles], name).toContain(name.replaceAll('`', ''))
  })
})
