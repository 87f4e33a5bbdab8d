import { temporaryDirectory } from '../../support/temporary-directory.js'
import type { Judgement, Subject } from '../subject.js'
import { judge } from './judge/judge.js'
import { play } from './play/play.js'
import { draw } from './program/draw.js'
import { print } from './program/print.js'
import type { Program } from './program/program.js'
import { smaller } from './program/smaller.js'

export const gearman: Subject<Program> = {
  name: 'gearman',
  draw,
  run: async (program): Promise<Judgement> => {
    await using directory = await temporaryDirectory()
    return judge(await play(program, directory))
  },
  smaller,
  print,
}
