import { parseArgs } from 'node:util'
import type { GearmanWorkerOptions } from '@glammp/gearman'

/** What `--help` prints. */
export const USAGE = `Usage: glammp-worker <module...> [options]

Serves every function that the modules export under its name, a default one under the file's.

  -s, --servers <list>      job servers, with commas between; default: GEARMAN_SERVERS, else localhost:4730
  -c, --concurrency <n>     jobs at once in each process; default: 1
  -p, --processes <n>       so many processes, each restarted when it ends; default: this one alone
      --sandbox             handlers run in threads, for those that compute (needs piscina)
      --drain <seconds>     for the running jobs once it is told to leave; default: 30
      --give-up <seconds>   exit when no server can be reached for so long; 0: never; default: 60
      --poll <seconds>      ask for jobs that fall due, which gearmand 1.1 does not tell of
      --namespace <prefix>  goes in front of every function name
      --codec <name>        string, buffer, json or msgpack; default: string
      --client-id <id>      how the worker shows in gearmand's list
      --tls                 encrypted connections
      --log <format>        pretty or json; default: pretty on a terminal
  -h, --help                this text

Exit codes: 0 after SIGTERM, SIGINT or SIGHUP, 1 when jobs outlasted the drain time or it crashed,
2 for wrong arguments and modules, 3 when no server could be reached.
`

/** Wrong arguments or modules: starting again would not help. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The formats of log lines. */
export type LogFormat = 'pretty' | 'json'

/** The parsed command line. Times are milliseconds. */
export interface RunnerOptions {
  readonly modules: readonly string[]
  readonly worker: GearmanWorkerOptions
  readonly sandbox: boolean
  readonly drain: number
  /** 0: never. */
  readonly giveUp: number
  readonly format: LogFormat
  /** Undefined: this process alone, unsupervised. */
  readonly processes: number | undefined
  /** The number of this process among those of a supervisor. */
  readonly number: number | undefined
}

/**
 * The arguments by which a supervisor gives a process its number: what the process starts does not
 * inherit them.
 */
export function numberArguments(number: number): readonly string[] {
  return ['--process-number', String(number)]
}

const OPTIONS = {
  servers: { type: 'string', short: 's' },
  concurrency: { type: 'string', short: 'c' },
  processes: { type: 'string', short: 'p' },
  sandbox: { type: 'boolean' },
  drain: { type: 'string' },
  'give-up': { type: 'string' },
  poll: { type: 'string' },
  namespace: { type: 'string' },
  codec: { type: 'string' },
  'client-id': { type: 'string' },
  tls: { type: 'boolean' },
  log: { type: 'string' },
  'process-number': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const FORMATS: readonly string[] = ['pretty', 'json'] satisfies LogFormat[]
const CODECS: readonly string[] = ['string', 'buffer', 'json', 'msgpack']

/**
 * @returns `'help'` if that was asked for.
 * @throws {@link UsageError}
 */
export function readCommandLine(
  args: readonly string[],
  terminal: boolean,
): RunnerOptions | 'help' {
  const { values, positionals } = parse(args)
  if (values.help) return 'help'
  if (positionals.length === 0) throw new UsageError('name at least one module with handlers')
  if (positionals.some(isServer)) {
    throw new UsageError('a module is a path or a file: URL; servers are named by --servers')
  }
  const {
    poll,
    codec,
    processes,
    'process-number': number,
    log = terminal ? 'pretty' : 'json',
  } = values
  if (!FORMATS.includes(log)) throw new UsageError('--log is pretty or json')
  if (codec !== undefined && !CODECS.includes(codec)) {
    throw new UsageError(`--codec is one of ${CODECS.join(', ')}`)
  }
  return {
    modules: positionals,
    worker: {
      servers: values.servers,
      concurrency: count('concurrency', values.concurrency ?? '1'),
      namespace: values.namespace,
      codec: codec as GearmanWorkerOptions['codec'],
      clientId: values['client-id'],
      tls: values.tls,
      pollInterval: poll === undefined ? undefined : seconds('poll', poll),
    },
    sandbox: values.sandbox ?? false,
    drain: seconds('drain', values.drain ?? '30'),
    giveUp: seconds('give-up', values['give-up'] ?? '60'),
    format: log as LogFormat,
    processes: processes === undefined ? undefined : count('processes', processes),
    number: number === undefined ? undefined : count('process-number', number),
  }
}

type Parsed = ReturnType<
  typeof parseArgs<{ options: typeof OPTIONS; args: string[]; allowPositionals: true }>
>

function parse(args: readonly string[]): Parsed {
  try {
    return parseArgs({ options: OPTIONS, args: [...args], allowPositionals: true })
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    // An address in the wrong place may contain a password.
    throw new UsageError(text.includes('@') ? 'unknown option; see --help' : text)
  }
}

/** Whether it is the address of a server, which must not be shown: it may hold a password. */
function isServer(module: string): boolean {
  if (module.startsWith('file:')) return false
  return /:\/\//.test(module) || /^[^/]*:.*@/.test(module)
}

function count(name: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new UsageError(`--${name} is a whole number of at least 1`)
  return Number(text)
}

function seconds(name: string, text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(value <= 1_000_000)) throw new UsageError(`--${name} is a number of seconds`)
  return value * 1_000
}
