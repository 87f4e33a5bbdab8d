// What `npm run demo`, `npm test` and `npm run check` need before their real work, on a machine
// that has only Node and npm: packages, builds (--no-types: of JavaScript alone) and, with --servers,
// memcached and gearmand.
// Nothing may be imported here that is not part of Node.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from './lock.mjs'
import { preparePackages } from './packages.mjs'
import { prepareServers } from './servers.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stateDirectory = join(root, '.glammp')

for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
]) {
  // An exit handler gives back the lock and Debian's policy; a signal alone would skip it.
  process.once(signal, () => process.exit(128 + number))
}

try {
  await withLock(join(stateDirectory, 'setup.lock'), async () => {
    await preparePackages(root, stateDirectory, { types: !process.argv.includes('--no-types') })
    if (process.argv.includes('--servers')) await prepareServers()
  })
} catch (error) {
  console.error(`\nset-up: ${error.message}`)
  process.exitCode = 1
}
