import { spawnSync } from 'node:child_process'
import { findProgram } from './programs.mjs'

const answer = (program, args) => {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 15_000 })
  return status === 0 ? stdout.trim() : undefined
}

/**
 * The container engine of this machine: the one that DOCKER_HOST names, a Docker that answers, or
 * a Podman, which has no daemon and is asked to serve when it is needed.
 */
export const findEngine = () => {
  const docker = findProgram('docker')
  const podman = findProgram('podman')
  const { DOCKER_HOST: given } = process.env
  if (given !== undefined && given !== '') {
    return { name: 'docker', host: given, program: docker ?? podman }
  }
  if (docker !== undefined && answer(docker, ['info', '--format', '{{.ID}}'])) {
    const context = ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}']
    return { name: 'docker', host: answer(docker, context), program: docker }
  }
  // Elsewhere than on Linux, Podman runs in a virtual machine: DOCKER_HOST has to name its socket.
  if (podman !== undefined && process.platform === 'linux' && answer(podman, ['version'])) {
    return { name: 'podman', host: undefined, program: podman }
  }
  return undefined
}
