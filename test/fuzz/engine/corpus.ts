import { readFileSync, writeFileSync } from 'node:fs'

/** Bytes of all inputs of a target that are kept. */
const MOST = 9_000

const place = (name: string): URL => new URL(`../corpus/${name}.txt`, import.meta.url)

/** The inputs that were kept of a target: a line of base64 each. */
export function readCorpus(name: string): Buffer[] {
  let text: string
  try {
    text = readFileSync(place(name), 'latin1')
  } catch {
    return []
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from(line, 'base64'))
}

/** Keeps inputs, the first of them where there is not place for all. */
export function writeCorpus(name: string, inputs: readonly Uint8Array[]): void {
  let size = 0
  const lines: string[] = []
  for (const input of inputs) {
    size += Math.ceil(input.length / 3) * 4 + 1
    if (size > MOST) break
    lines.push(`${Buffer.from(input).toString('base64')}\n`)
  }
  writeFileSync(place(name), lines.join(''))
}
