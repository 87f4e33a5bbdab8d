/** How the demo speaks: numbered steps, what was typed, what came out, and whether it is right. */

let steps = 0

/** A new step of the story. */
export function step(title: string): void {
  steps += 1
  console.log(`\n${steps}. ${title}\n`)
}

/** A sentence of the story. */
export function say(text: string): void {
  console.log(`   ${text}`)
}

/** What was typed. */
export function typed(example: string, ...args: string[]): void {
  console.log(`   $ ${['npx', 'tsx', `examples/${example}.ts`, ...args].join(' ')}`)
}

/** What a program printed. */
export function printed(output: string): void {
  for (const line of output.trimEnd().split('\n')) console.log(`   | ${line}`)
}

/** @throws unless it is true: the demo shows nothing that is not so. */
export function expect(what: string, isTrue: boolean): void {
  if (!isTrue) throw new Error(`not as it should be: ${what}`)
}
