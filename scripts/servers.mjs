import { spawnSync } from 'node:child_process'
import { canInstall, installPackages } from './apt.mjs'
import { findEngine } from './engine.mjs'
import { findProgram } from './programs.mjs'

const SERVERS = [
  { program: 'memcached', variable: 'MEMCACHED_SERVERS', debian: 'memcached' },
  { program: 'gearmand', variable: 'GEARMAN_SERVERS', debian: 'gearman-job-server' },
]

/** Makes the certificates for the TLS tests. Only the barest Debian lacks it. */
const OPENSSL = { program: 'openssl', debian: 'openssl' }

const HELP = `Start them or install them in one of these ways, then run the command again:

  Debian, Ubuntu   sudo apt-get install memcached gearman-job-server
  macOS            brew install memcached gearman
  Docker           docker compose up --build --detach
                   export MEMCACHED_SERVERS=127.0.0.1:11211,127.0.0.1:11212,127.0.0.1:11213
                   export GEARMAN_SERVERS=127.0.0.1:4730,127.0.0.1:4731
  your own         export MEMCACHED_SERVERS=host:port,... GEARMAN_SERVERS=host:port,...

With Docker or Podman running, nothing of this is needed: the servers are started in containers.`

const isGiven = ({ variable }) => (process.env[variable] ?? '').trim() !== ''

const missing = () =>
  SERVERS.filter((server) => !isGiven(server) && findProgram(server.program) === undefined)

/** Perl's gearman-server package has another program of this name, which lacks much of ours. */
const checkGearmand = () => {
  const path = findProgram('gearmand')
  if (path === undefined || isGiven(SERVERS[1])) return
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  if (!/^gearmand \d/m.test(stdout ?? '')) {
    throw new Error(
      `${path} is not the gearmand of gearman.org (Perl's gearman-server has one of the same ` +
        'name). Install gearman-job-server, and have it first on PATH.',
    )
  }
}

/** Makes sure that memcached and gearmand can be had: given, installed, or in containers. */
export const prepareServers = async () => {
  if (process.env.GLAMMP_TEST_SERVERS === 'containers') {
    if (findEngine() !== undefined) return
    throw new Error(
      'GLAMMP_TEST_SERVERS=containers needs Docker or Podman, and neither answers.\n' +
        'On Debian, `sudo node scripts/install-podman.mjs` installs all that Podman needs.',
    )
  }
  const wanted = findProgram(OPENSSL.program) === undefined ? [...missing(), OPENSSL] : missing()
  if (wanted.length > 0 && canInstall()) {
    const packages = wanted.map(({ debian }) => debian)
    // Without network there may still be a container engine: that is the next thing to try.
    await installPackages(packages).catch((error) => console.error(error.message))
  }
  checkGearmand()
  const still = missing()
  if (still.length === 0 || findEngine() !== undefined) return
  const names = still.map(({ program }) => program).join(' and ')
  throw new Error(`${names} cannot be found on this machine.\n${HELP}`)
}
