import type { Random } from './random.js'

/** What a run of a program says. */
export interface Judgement {
  /** What was wrong, a sentence each; empty if nothing was. */
  readonly violations: readonly string[]
  /** How many operations, faults, kills, ...: they are summed over all seeds. */
  readonly figures: Readonly<Record<string, number>>
}

/** A package whose histories are judged. A program is plain data that its seed determines. */
export interface Subject<Program> {
  readonly name: 'memcache' | 'gearman'
  /** Draws a program: all that is random in it comes from here. */
  draw(random: Random): Program
  /** Runs it with servers of its own, ends all it started, and judges what happened. */
  run(program: Program): Promise<Judgement>
  /** Programs with a bit less in them, those with much less first. */
  smaller(program: Program): Iterable<Program>
  /** For people, as short as it can be. */
  print(program: Program): string
}
