#!/usr/bin/env node
import { argv, env, stderr, stdout } from 'node:process'
import { readCommandLine, USAGE, UsageError } from './command-line.js'
import { Log } from './log.js'
import { NUMBER_VARIABLE, Supervisor } from './supervisor.js'
import { Exit, WorkerProcess } from './worker-process.js'

async function main(): Promise<number> {
  const args = argv.slice(2)
  const options = readCommandLine(args, stdout.isTTY === true)
  if (options === 'help') {
    stdout.write(USAGE)
    return Exit.DRAINED
  }
  const number = env[NUMBER_VARIABLE] === undefined ? undefined : Number(env[NUMBER_VARIABLE])
  const log = new Log(options.format, number, (line) => stdout.write(`${line}\n`))
  const { processes, drain } = options
  if (processes !== undefined && number === undefined) {
    return await new Supervisor({ processes, drain, program: argv[1] ?? '', args }, log).run()
  }
  return await new WorkerProcess(options, log, number !== undefined).run()
}

main().then(
  // A handler may have left something open that would keep the process.
  (code) => process.exit(code),
  (error: unknown) => {
    const wrong = error instanceof UsageError
    stderr.write(`glammp-worker: ${wrong ? error.message : String((error as Error)?.stack)}\n`)
    process.exit(wrong ? Exit.USAGE : Exit.FAILED)
  },
)
