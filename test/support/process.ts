import { once } from 'node:events'
import type { Socket } from 'node:net'
import { spawnGuarded } from './guardian.js'
import { waitFor } from './wait.js'

export interface ProcessOptions {
  /** Milliseconds until it is killed; 60,000 by default. */
  readonly timeout?: number | undefined
  readonly cwd?: string | undefined
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Written to its standard input, which then ends. */
  readonly input?: string | Buffer | undefined
}

export interface ProcessResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningProcess extends AsyncDisposable {
  readonly pid: number
  /** What it has written so far. */
  stdout(): string
  stderr(): string
  /** Resolves when it has ended and all its output is here; never rejects. */
  readonly ended: Promise<ProcessResult>
  /** Resolves as soon as its output (both streams) has the text; rejects if it ends without. */
  waitForOutput(text: string | RegExp, timeout?: number): Promise<void>
  write(input: string | Buffer): void
  /** Sends the signal (SIGTERM by default) to it and its children, and waits for its end. */
  kill(signal?: NodeJS.Signals): Promise<ProcessResult>
  /** Lets this process end while that one runs, which the guardian then ends. */
  unref(): void
}

const DEFAULT_TIMEOUT = 60_000

/** Starts a program that neither its timeout nor the end of this process lets live on. */
export const startProcess = (
  program: string,
  args: readonly string[] = [],
  options: ProcessOptions = {},
): RunningProcess => {
  const { child, pid } = spawnGuarded(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString()
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  if (options.input !== undefined) child.stdin?.end(options.input)

  const signalGroup = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-pid, signal)
    } catch {
      // It has just ended by itself.
    }
  }
  const timer = setTimeout(() => signalGroup('SIGKILL'), options.timeout ?? DEFAULT_TIMEOUT)
  let hasEnded = false
  const ended = once(child, 'close').then(([code, signal]: unknown[]): ProcessResult => {
    hasEnded = true
    clearTimeout(timer)
    return {
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: text(stdout),
      stderr: text(stderr),
    }
  })
  const streams = child.stdio as readonly (Socket | null | undefined)[]
  const kill = (signal: NodeJS.Signals = 'SIGTERM'): Promise<ProcessResult> => {
    // Whoever waits for its end keeps this process alive until then.
    for (const handle of [child, ...streams]) handle?.ref()
    if (!hasEnded) signalGroup(signal)
    return ended
  }

  return {
    pid,
    stdout: () => text(stdout),
    stderr: () => text(stderr),
    ended,
    waitForOutput: async (wanted, timeout) => {
      const has = (output: string): boolean =>
        typeof wanted === 'string' ? output.includes(wanted) : wanted.test(output)
      const output = (): string => `${text(stdout)}\n${text(stderr)}`
      await waitFor(() => hasEnded || has(output()), {
        timeout,
        what: `${program} to say ${wanted}`,
      })
      if (!has(output())) throw new Error(`${program} ended without ${wanted}:\n${output()}`)
    },
    write: (input) => {
      child.stdin?.write(input)
    },
    kill,
    unref: () => {
      timer.unref()
      for (const handle of [child, ...streams]) handle?.unref()
    },
    [Symbol.asyncDispose]: async () => {
      await kill('SIGKILL')
    },
  }
}

/** Runs a program to its end, whatever its exit code is. */
export const run = (
  program: string,
  args: readonly string[] = [],
  options: ProcessOptions = {},
): Promise<ProcessResult> => startProcess(program, args, { input: '', ...options }).ended
