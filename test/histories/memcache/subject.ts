import type { Subject } from '../subject.js'
import { drawProgram } from './draw.js'
import { printProgram } from './print.js'
import type { Program } from './program.js'
import { runProgram } from './run.js'
import { smallerPrograms } from './smaller.js'

export const memcache: Subject<Program> = {
  name: 'memcache',
  draw: drawProgram,
  run: runProgram,
  smaller: smallerPrograms,
  print: printProgram,
}
