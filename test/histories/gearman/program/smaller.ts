import type { Program } from './program.js'

/** The program with fewer steps: first half of them, at last all but one. */
export function* smaller(program: Program): Iterable<Program> {
  const { steps } = program
  for (
    let size = Math.ceil(steps.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let start = 0; start < steps.length; start += size) {
      yield { ...program, steps: [...steps.slice(0, start), ...steps.slice(start + size)] }
    }
  }
}
