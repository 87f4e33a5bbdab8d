import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'peers')

interface Manifest {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest
}

/** Installs the peers in their own folder, unless they are there in the versions asked for. */
export function installPeers(): void {
  const wanted = Object.entries(manifest(join(folder, 'package.json')).dependencies ?? {})
  const there = wanted.every(([name, version]) => {
    const path = join(folder, 'node_modules', name, 'package.json')
    return existsSync(path) && manifest(path).version === version
  })
  if (there) return
  process.stderr.write('installing the peers ...\n')
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts']
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
}

const requirePeer = createRequire(join(folder, 'package.json'))

/** Loads a peer; the caller says what it needs of it. */
export function loadPeer<T>(name: string): T {
  return requirePeer(name) as T
}

/** Path of a peer's module that only `import` can load. */
export function resolvePeer(name: string): string {
  return requirePeer.resolve(name)
}
