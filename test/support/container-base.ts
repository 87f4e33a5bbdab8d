import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContainerRuntimeClient, ImageName } from 'testcontainers'
import { findProgram } from '../../scripts/programs.mjs'
import { containerEngine } from './container-engine.js'
import { run } from './process.js'
import { temporaryDirectory } from './temporary-directory.js'

const DEBIAN = 'debian:bookworm-slim'
const OWN_BASE = 'localhost/glammp-base:bookworm'
const SUITE = 'bookworm'
const USUAL_MIRROR = 'http://deb.debian.org/debian'
/** What the Containerfiles would install: the network may not reach into a build. */
const PACKAGES = 'memcached,gearman-job-server'

/** The mirror that apt uses here, which may be the only one that can be reached. */
const mirror = async (): Promise<string> => {
  const filters = ['Created-By: Packages', `Codename: ${SUITE}`, 'Component: main']
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', ...filters])
  return stdout.split('\n').find((uri) => uri.startsWith('http')) ?? USUAL_MIRROR
}

const must = async (program: string, args: readonly string[], timeout: number): Promise<void> => {
  const { code, stdout, stderr } = await run(program, args, { timeout })
  if (code === 0) return
  const output = `${stdout}\n${stderr}`.trim().split('\n').slice(-10).join('\n')
  throw new Error(`${program} failed while it made a base image:\n${output}`)
}

/** Makes the image from packages, as the makers of Debian's own image do. */
const makeBase = async (): Promise<void> => {
  const debootstrap = findProgram('debootstrap')
  if (debootstrap === undefined || process.getuid?.() !== 0) {
    throw new Error(
      `${DEBIAN} cannot be pulled, and only root on a machine with debootstrap can make a ` +
        'base image without it (on Debian: apt-get install debootstrap)',
    )
  }
  await using directory = await temporaryDirectory()
  const root = join(directory.path, 'root')
  await mkdir(root)
  const settings = ['--variant=minbase', `--include=${PACKAGES}`, SUITE, root, await mirror()]
  // It mounts /proc there. In a namespace of its own the mount ends with it, whatever happens.
  await must('unshare', ['--mount', debootstrap, ...settings], 300_000)
  const { tool } = await containerEngine()
  const script = `rm -rf "$0"/var/cache/apt/archives/*.deb; tar -C "$0" -c . | ${tool} import - "$1"`
  await must('sh', ['-c', script, root, OWN_BASE], 120_000)
}

/** An image of Debian that this engine has, pulls, or is given; its name. */
export const baseImage = async (client: ContainerRuntimeClient): Promise<string> => {
  const has = (name: string): Promise<boolean> => client.image.exists(ImageName.fromString(name))
  if (await has(OWN_BASE)) return OWN_BASE
  // A pull that fails does so in the stream of its progress, which testcontainers does not read.
  await client.image.pull(ImageName.fromString(DEBIAN)).catch(() => undefined)
  if (await has(DEBIAN)) return DEBIAN
  await makeBase()
  return OWN_BASE
}
