#!/usr/bin/env node
import { argv, stderr, stdout } from 'node:process'
import { messageOf } from '@glammp/wire'
import { readCommandLine, USAGE, UsageError } from './command-line.js'
import { Log } from './log.js'
import { Supervisor } from './supervisor.js'
import { tellVerdict } from './verdict.js'
import { Exit, WorkerProcess } from './worker-process.js'

async function main(): Promise<number> {
  outliveReaders()
  const args = argv.slice(2)
  const options = readCommandLine(args, stdout.isTTY === true)
  if (options === 'help') {
    stdout.write(USAGE)
    return Exit.DRAINED
  }
  const { processes, number, drain, format } = options
  const log = new Log(format, number, (line) => stdout.write(`${line}\n`))
  if (processes !== undefined && number === undefined) {
    return await new Supervisor({ processes, drain, program: argv[1] ?? '', args }, log).run()
  }
  return await new WorkerProcess(options, log).run()
}

/** The log may no longer be read, or its disk may be full: the jobs go on. */
function outliveReaders(): void {
  stdout.once('error', (error) => {
    stderr.write(`glammp-worker: the log cannot be written: ${error.message}\n`)
  })
  for (const stream of [stdout, stderr]) stream.on('error', () => {})
}

/** A handler may have left something open that would keep the process running. */
async function leave(code: number): Promise<void> {
  if (code === Exit.USAGE || code === Exit.UNREACHABLE) await tellVerdict()
  process.exit(code)
}

main().then(
  (code) => leave(code),
  (error: unknown) => {
    const wrong = error instanceof UsageError
    const words = !wrong && error instanceof Error ? error.stack : messageOf(error)
    stderr.write(`glammp-worker: ${words}\n`)
    return leave(wrong ? Exit.USAGE : Exit.FAILED)
  },
)
