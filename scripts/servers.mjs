import { canInstall, installPackages } from './apt.mjs'
import { findEngine } from './engine.mjs'
import { findServer } from './programs.mjs'

const SERVERS = [
  { program: 'memcached', variable: 'MEMCACHED_SERVERS', debian: 'memcached' },
  { program: 'gearmand', variable: 'GEARMAN_SERVERS', debian: 'gearman-job-server' },
]

/** How to have real servers. */
export const HELP = `  Debian, Ubuntu   sudo apt-get install memcached gearman-job-server
  macOS            brew install memcached gearman
  Docker           docker compose up --build --detach
                   export MEMCACHED_SERVERS=127.0.0.1:11211,127.0.0.1:11212,127.0.0.1:11213
                   export GEARMAN_SERVERS=127.0.0.1:4730,127.0.0.1:4731
  your own         export MEMCACHED_SERVERS=host:port,... GEARMAN_SERVERS=host:port,...
`

const isGiven = ({ variable }) => (process.env[variable] ?? '').trim() !== ''

const missing = () =>
  SERVERS.filter((server) => !isGiven(server) && findServer(server.program) === undefined)

/**
 * Makes sure that tests have memcached and gearmand: given, installed, in containers, or else inside
 * the process of the tests.
 */
export const prepareServers = async () => {
  const { GLAMMP_TEST_SERVERS: wish } = process.env
  if (wish === 'embedded') return
  if (wish === 'containers') {
    if (findEngine() !== undefined) return
    throw new Error(
      'GLAMMP_TEST_SERVERS=containers needs Docker or Podman, and neither answers.\n' +
        'On Debian, `sudo node scripts/install-podman.mjs` installs all that Podman needs.',
    )
  }
  const wanted = missing()
  if (wanted.length > 0 && canInstall()) {
    console.error('set-up: tests run against the real servers, which this machine lacks')
    const packages = wanted.map(({ debian }) => debian)
    // Without network there may still be a container engine: that is the next thing to try.
    await installPackages(packages).catch((error) => console.error(error.message))
  }
  const still = missing()
  if (still.length === 0 || findEngine() !== undefined) return
  const names = still.map(({ program }) => program).join(' and ')
  console.error(
    `set-up: ${names} cannot be found on this machine: tests run on servers in their own process`,
  )
}
