import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

// docs/reliability.md names tests as `[file](path): title`, and `<br>` stands between several.

const ROOT = path.resolve(import.meta.dirname, '../..')
const PAGE = readFileSync(path.join(ROOT, 'docs/reliability.md'), 'utf8')
const NAMED = /\]\(\.\.\/([\w./-]+\.test\.ts)\): (.+?)(?= *(?:<br>|\||$))/gm

const readTests = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

test('every test file on the page exists', () => {
  const files = [...PAGE.matchAll(/[\w./-]+\.test\.ts/g)].map(([file]) => file)
  expect(files.length).toBeGreaterThan(100)
  for (const file of files) expect(existsSync(path.join(ROOT, 'docs', file)), file).toBe(true)
})

test('every title on the page is that of a test in its file', () => {
  const named = [...PAGE.matchAll(NAMED)]
  expect(named.length).toBeGreaterThan(100)
  for (const [, file = '', title = ''] of named) {
    const text = readTests(file)
    const isThere = ["'", '"', '`'].some((quote) => text.includes(`${quote}${title}${quote}`))
    expect(isThere, `${file}: ${title}`).toBe(true)
  }
})

test('every thread that names a fault has a test of its name, or a sentence', () => {
  const section = PAGE.split('## What users of other clients reported')[1]?.split('\n## ')[0] ?? ''
  const rows = section.split('\n').filter((line) => /^\| .*#\d/.test(line))
  expect(rows.length).toBeGreaterThan(80)
  for (const row of rows) {
    const [, threads = '', fault = '', tests = '', ...more] = row.split('|')
    expect(more, threads).toEqual([''])
    expect(fault.trim(), threads).not.toBe('')
    for (const part of tests.split('<br>')) {
      expect(`${part.trim()} |`, threads).toMatch(/^(\[[\w-]+\]\(.+\.test\.ts\): .+|[A-Z].+\.) \|$/)
    }
  }
})
