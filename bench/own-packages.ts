import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

interface Manifest {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest
}

/** Packages that the benchmark alone needs, in a folder of their own beside this file. */
export class OwnPackages {
  readonly #folder: string
  readonly #require: NodeJS.Require

  constructor(folder: string) {
    this.#folder = join(import.meta.dirname, folder)
    this.#require = createRequire(join(this.#folder, 'package.json'))
  }

  /** Installs them, unless they are there in the versions asked for. */
  install(): void {
    const wanted = Object.entries(manifest(join(this.#folder, 'package.json')).dependencies ?? {})
    const there = wanted.every(([name, version]) => {
      const path = join(this.#folder, 'node_modules', name, 'package.json')
      return existsSync(path) && manifest(path).version === version
    })
    if (there) return
    process.stderr.write(`installing ${wanted.map(([name]) => name).join(', ')} ...\n`)
    const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts']
    execFileSync('npm', args, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'inherit'] })
  }

  /** Loads one; the caller says what it needs of it. */
  load<T>(name: string): T {
    return this.#require(name) as T
  }

  /** Path of one that only `import` can load. */
  resolve(name: string): string {
    return this.#require.resolve(name)
  }
}
