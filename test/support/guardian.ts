import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

/**
 * Outlives this process by a moment, and then ends what this process left behind: servers,
 * containers, temporary directories. It learns of the end from its standard input, which the
 * kernel closes even after SIGKILL. It ignores the signals of the terminal: its work starts where
 * they end.
 */
const SCRIPT = `
trap '' INT TERM HUP
groups=''
remover=''
while read -r action value; do
  case $action in
    started) groups="$groups $value" ;;
    ended)
      rest=''
      for group in $groups; do [ "$group" = "$value" ] || rest="$rest $group"; done
      groups=$rest ;;
    remover) remover=$value ;;
    directory) set -- "$@" "$value" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
[ $# -eq 0 ] || rm -rf -- "$@"
[ -n "$remover" ] || exit 0
# Once more for the container that the engine was about to create.
for pause in 1 0; do eval "$remover" >/dev/null 2>&1; sleep $pause; done
`

let input: Writable | undefined

const tell = (line: string): void => {
  if (input === undefined) {
    const guardian = spawn('/bin/sh', ['-c', SCRIPT], {
      // A session of its own: no signal meant for this process group reaches it.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      // Where `rm` and `sleep` are, if PATH does not say.
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/bin:/bin` },
    })
    guardian.unref()
    input = guardian.stdin
    // A guardian that is gone must not end the tests; they still stop their own servers.
    input.on('error', () => undefined)
    ;(input as Writable & { unref?: () => void }).unref?.()
  }
  input.write(`${line}\n`)
}

export interface GuardedOptions {
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly cwd?: string | undefined
}

export interface GuardedProcess {
  readonly child: ChildProcess
  /** The process and its children: the leader of a group of its own. */
  readonly pid: number
}

/**
 * Starts a program that cannot outlive this process. A shell waits for one line before it becomes
 * the program, so the program runs only once the guardian knows its pid: there is no moment at
 * which the death of this process would leave it behind.
 */
export const spawnGuarded = (
  program: string,
  args: readonly string[],
  options: GuardedOptions = {},
): GuardedProcess => {
  const child = spawn('/bin/sh', ['-c', 'read -r go && exec "$0" "$@"', program, ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: options.env ?? process.env,
    cwd: options.cwd,
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`/bin/sh could not be started for ${program}`)
  tell(`started ${pid}`)
  child.once('exit', () => tell(`ended ${pid}`))
  child.stdin.on('error', () => undefined)
  child.stdin.write('go\n')
  return { child, pid }
}

/** Removes the directory when this process ends, however it ends. */
export const guardDirectory = (path: string): void => tell(`directory ${path}`)

/** Runs a shell command when this process ends: one that removes the containers it has left. */
export const guardContainers = (remover: string): void => tell(`remover ${remover}`)
