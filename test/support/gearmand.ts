import { optionsOfFlags } from './embedded-server.js'
import type { RunningServer, ServerKind, ServerOptions } from './server.js'
import { startServer } from './server-start.js'

export type GearmandServer = RunningServer

export type GearmandOptions = ServerOptions

const kind: ServerKind = {
  name: 'gearmand',
  port: 4730,
  variable: 'GEARMAN_SERVERS',
  flags: ({ host, port }, { args = [] }, isRoot) => [
    // One I/O thread: with more, the rate of jobs depends on where callers and grabs fall into step.
    // gearmand 1.1.20 does not start when it is told twice.
    ...(args.includes('-t') ? [] : ['-t', '1']),
    ...['-l', 'stderr', '-L', host, '-p', String(port)],
    ...(isRoot ? ['-u', 'root'] : []),
    ...args,
  ],
  embedded: async ({ args = [] }) => {
    const options = await optionsOfFlags(
      args,
      {
        '-t': () => ({}),
        '-w': (count) => ({ workerWakeup: Number(count) }),
        '--job-retries': (count) => ({ jobRetries: Number(count) }),
        '--job-handle-prefix': (handlePrefix) => ({ handlePrefix }),
      },
      { '-R': () => ({ roundRobin: true }), '--exceptions': () => ({ exceptions: true }) },
    )
    const { GearmanServer } = await import('@glammp/gearman/testing')
    return (place) => GearmanServer.start({ ...options, ...place })
  },
  // Builds without TLS accept --ssl and answer in plain text, others do not.
  probe: ({ args = [] }) =>
    args.includes('--ssl') ? undefined : { question: 'version\r\n', answer: 'OK ' },
}

/** Starts a gearmand and waits until it answers. */
export const startGearmand = (options: GearmandOptions = {}): Promise<GearmandServer> =>
  startServer(kind, options)
