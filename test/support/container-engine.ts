import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findEngine } from '../../scripts/engine.mjs'
import { findProgram } from '../../scripts/programs.mjs'
import { guardContainers } from './guardian.js'
import { run, startProcess } from './process.js'
import { temporaryDirectory } from './temporary-directory.js'
import { waitFor } from './wait.js'

/** The engine's tool, as a shell command: where a process inherits it, the engine is ready. */
const TOOL = 'GLAMMP_CONTAINER_TOOL'

const STATE_DIRECTORY = fileURLToPath(new URL('../../.glammp', import.meta.url))

export interface ContainerEngine {
  /** The label of this process's containers: the guardian removes what still has it at the end. */
  readonly owner: Readonly<Record<string, string>>
  /** Its command-line tool, quoted for a shell. */
  readonly tool: string
  /** Ends what was started for it. Its images stay: they are its cache. */
  stop(): Promise<void>
}

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

/** Makes the engine known to testcontainers, to child processes, and to the guardian. */
const publish = (
  environment: Readonly<Record<string, string>>,
  tool: string,
  stop: () => Promise<void>,
): ContainerEngine => {
  Object.assign(process.env, environment, {
    [TOOL]: tool,
    // The guardian cleans up, and testcontainers' image for that cannot be pulled everywhere.
    TESTCONTAINERS_RYUK_DISABLED: 'true',
  })
  const [name, value] = ['glammp.owner', `${process.pid}-${randomUUID()}`]
  const list = `${tool} ps --all --quiet --filter label=${name}=${value}`
  // --force kills, and does so without the patience for an end by itself.
  guardContainers(`${tool} rm --force --volumes $(${list})`)
  return { owner: { [name]: value }, tool, stop }
}

/** Podman lowers its own limit of processes to this, and can then grant no more. */
const MOST_PROCESSES = 32_768

/** What this process may have at most; `limits` is the text of /proc/self/limits. */
const hardLimit = (limits: string, name: string): number => {
  const [, hard] = new RegExp(`^Max ${name} +\\S+ +(\\d+)`, 'm').exec(limits) ?? []
  return Number(hard ?? MOST_PROCESSES)
}

/**
 * Podman's own defaults are right but where cgroups are of version 1: there crun does not start a
 * container, nor does systemd's manager without systemd; and without CAP_SYS_RESOURCE the limits
 * it wants to set are higher than allowed.
 */
const podmanConfiguration = async (podman: string): Promise<string> => {
  const { stdout } = await run(podman, ['info', '--format', '{{.Host.CgroupsVersion}}'])
  if (stdout.trim() !== 'v1') return ''
  const limits = await readFile('/proc/self/limits', 'latin1')
  const files = hardLimit(limits, 'open files')
  const processes = Math.min(hardLimit(limits, 'processes'), MOST_PROCESSES)
  const ulimits = [`nofile=${files}:${files}`, `nproc=${processes}:${processes}`]
  return [
    '[engine]',
    ...(findProgram('runc') === undefined ? [] : ['runtime = "runc"']),
    'cgroup_manager = "cgroupfs"',
    'events_logger = "file"',
    '[containers]',
    `default_ulimits = ${JSON.stringify(ulimits)}`,
  ].join('\n')
}

/** Written where it stays: the guardian's last command needs it after all else is gone. */
const writeConfiguration = async (settings: string): Promise<string> => {
  const path = join(STATE_DIRECTORY, 'containers.conf')
  await mkdir(STATE_DIRECTORY, { recursive: true })
  // Another run may read it at this moment.
  await writeFile(`${path}.${process.pid}`, `${settings}\n`)
  await rename(`${path}.${process.pid}`, path)
  return path
}

/** Podman has no daemon: its API is served for us alone, on a socket of our own. */
const servePodman = async (podman: string): Promise<ContainerEngine> => {
  const settings = await podmanConfiguration(podman)
  const env: Record<string, string> =
    settings === '' ? {} : { CONTAINERS_CONF: await writeConfiguration(settings) }
  const directory = await temporaryDirectory()
  const socket = join(directory.path, 'podman.sock')
  const service = startProcess(podman, ['system', 'service', '--time=0', `unix://${socket}`], {
    env,
    timeout: 2 ** 31 - 1,
  })
  service.unref()
  const stop = async (): Promise<void> => {
    await service.kill()
    await directory.remove()
  }
  let ended = false
  void service.ended.then(() => {
    ended = true
  })
  await waitFor(() => ended || existsSync(socket), { what: `the API of ${podman}` })
  if (ended) throw new Error(`${podman} does not serve its API: ${service.stderr()}`)
  const assignments = Object.entries(env).map(([name, value]) => quote(`${name}=${value}`))
  return publish(
    {
      ...env,
      DOCKER_HOST: `unix://${socket}`,
      // Podman runs here, even where this machine is itself a container.
      TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
    },
    ['env', ...assignments, quote(podman)].join(' '),
    stop,
  )
}

const prepare = async (): Promise<ContainerEngine> => {
  const nothing = async (): Promise<void> => undefined
  const inherited = process.env[TOOL]
  if (inherited !== undefined) return publish({}, inherited, nothing)
  const engine = findEngine()
  if (engine === undefined) throw new Error('neither Docker nor Podman answers on this machine')
  const { name, host, program } = engine
  if (name === 'podman' && program !== undefined) return servePodman(program)
  const environment: Record<string, string> = host === undefined ? {} : { DOCKER_HOST: host }
  return publish(environment, quote(program ?? 'docker'), nothing)
}

let prepared: Promise<ContainerEngine> | undefined

/** The engine that runs containers here, found and made ready at the first call. */
export const containerEngine = (): Promise<ContainerEngine> => {
  prepared ??= prepare()
  return prepared
}
