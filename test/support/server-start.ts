import { dirname } from 'node:path'
import { findServer } from '../../scripts/programs.mjs'
import { EmbeddedServer } from './embedded-server.js'
import { GivenServer } from './given-server.js'
import { canListen, reservePort } from './ports.js'
import { releaseProgram } from './releases.js'
import type { Endpoint, RunningServer, ServerKind, ServerOptions } from './server.js'
import { ServerProcess } from './server-process.js'
import { serverSource } from './server-source.js'

interface HeldEndpoint {
  readonly endpoint: Endpoint
  readonly release: () => void
}

const LOOPBACK = '127.0.0.1'

const holdEndpoint = async (options: ServerOptions, socket?: string): Promise<HeldEndpoint> => {
  const { host = LOOPBACK, port } = options
  if (socket !== undefined) {
    return { endpoint: { host: '', port: 0, socket }, release: () => undefined }
  }
  if (port === undefined) {
    const { port: free, release } = await reservePort(host)
    return { endpoint: { host, port: free }, release }
  }
  // gearmand waits for a port in use, and a probe would find whoever has it.
  if (!(await canListen(host, port))) throw new Error(`port ${port} of ${host} is in use`)
  return { endpoint: { host, port }, release: () => undefined }
}

const startProgram = async (
  kind: ServerKind,
  options: ServerOptions,
  socket: string | undefined,
): Promise<RunningServer> => {
  const { release: debian } = options
  const program = debian === undefined ? findServer(kind.name) : releaseProgram(debian, kind.name)
  if (program === undefined) throw new Error(`${kind.name} is not on PATH`)
  const { endpoint, release } = await holdEndpoint(options, socket)
  return ServerProcess.start({
    program,
    args: kind.flags(endpoint, options, process.getuid?.() === 0),
    env: { ...process.env, ...options.env },
    endpoint,
    probe: kind.probe(options),
    release,
  })
}

const startContainer = async (
  kind: ServerKind,
  options: ServerOptions,
  socket: string | undefined,
): Promise<RunningServer> => {
  const { args, env = {}, directories = [], host } = options
  if (host !== undefined && host !== LOOPBACK) {
    throw new Error(`a server in a container cannot be reached at ${host}`)
  }
  // Loaded only where it is needed: testcontainers takes longer to load than a test to run.
  const { ServerContainer, containerHost } = await import('./server-container.js')
  const { containerImage } = await import('./container-image.js')
  const image = await containerImage(kind.name)
  const { endpoint: held, release } = await holdEndpoint({ port: options.port }, socket)
  const inner = { host: '0.0.0.0', port: kind.port, socket }
  return ServerContainer.start({
    name: kind.name,
    image,
    args: kind.flags(inner, { args }, true),
    env,
    directories: socket === undefined ? directories : [...directories, dirname(socket)],
    innerPort: kind.port,
    endpoint: socket === undefined ? { ...held, host: await containerHost() } : held,
    probe: kind.probe(options),
    release,
  })
}

const startEmbedded = async (
  kind: ServerKind,
  options: ServerOptions,
  socket: string | undefined,
): Promise<RunningServer> => {
  const start = await kind.embedded(options)
  const { endpoint, release } = await holdEndpoint(options, socket)
  return EmbeddedServer.start(endpoint, start, release)
}

/** Starts a server of the kind wherever servers come from, and waits until it answers. */
export const startServer = async (
  kind: ServerKind,
  options: ServerOptions,
  socket?: string,
): Promise<RunningServer> => {
  const ofRelease = options.release === undefined ? undefined : 'programs'
  switch (options.source ?? ofRelease ?? serverSource(kind.name)) {
    case 'given':
      return GivenServer.take(kind, options)
    case 'programs':
      return startProgram(kind, options, socket)
    case 'containers':
      return startContainer(kind, options, socket)
    case 'embedded':
      return startEmbedded(kind, options, socket)
  }
}
