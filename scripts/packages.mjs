import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { step } from './step.mjs'

const digest = (text) => createHash('sha256').update(text).digest('hex')

const readOr = (path, fallback) => (existsSync(path) ? readFileSync(path, 'utf8') : fallback)

const manifestOf = (directory) => JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))

/** Installs what the lock file says, unless that was done since the lock file changed. */
const installPackages = async (root) => {
  const wanted = digest(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8'))
  // Inside node_modules, so that it goes when they go.
  const stamp = join(root, 'node_modules', '.glammp-installed')
  if (readOr(stamp, '') === wanted) return
  const pnpm = manifestOf(root).packageManager
  // Without a terminal pnpm would ask before it replaces node_modules; CI tells it not to.
  const command = ['npx', '--yes', pnpm, 'install', '--frozen-lockfile']
  await step(`installing packages with ${pnpm}`, [command], { cwd: root, env: { CI: 'true' } })
  writeFileSync(stamp, wanted)
}

const filesUnder = (directory) =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory())
      return ['node_modules', 'dist'].includes(entry.name) ? [] : filesUnder(path)
    return /\.test(-d)?\.ts$|\.md$/.test(entry.name) ? [] : [path]
  })

/** Changes with every file that goes into a build: its name, size and time. */
const fingerprint = (root) => {
  const shared = ['tsup.shared.ts', 'tsconfig.json', 'pnpm-lock.yaml'].map((name) =>
    join(root, name),
  )
  const files = [...filesUnder(join(root, 'packages')), ...shared.filter(existsSync)]
  return digest(
    files
      .map((file) => [file, statSync(file)])
      .map(([file, { size, mtimeMs }]) => `${file} ${size} ${mtimeMs}`)
      .join('\n'),
  )
}

const isBuilt = (directory) => {
  const { scripts = {}, main, module } = manifestOf(directory)
  if (scripts.build === undefined) return true
  return [main, module].every((file) => existsSync(join(directory, file)))
}

/**
 * Builds the packages, unless nothing that goes into them has changed since.
 *
 * @param types - whether the declarations of types are needed too, which take most of the time.
 */
const buildPackages = async (root, stateDirectory, types) => {
  const wanted = fingerprint(root)
  const stamp = join(stateDirectory, 'built')
  const directories = readdirSync(join(root, 'packages')).map((name) =>
    join(root, 'packages', name),
  )
  const packages = directories.filter((directory) => existsSync(join(directory, 'package.json')))
  const found = readOr(stamp, '')
  const fits = found === wanted || (!types && found === `${wanted} without types`)
  if (fits && packages.every(isBuilt)) return
  const command = ['npm', 'run', 'build', ...(types ? [] : ['--', '--no-dts'])]
  await step('building packages', [command], { cwd: root })
  // The fingerprint of before the build: a file changed meanwhile asks for another one.
  writeFileSync(stamp, types ? wanted : `${wanted} without types`)
}

export const preparePackages = async (root, stateDirectory, { types }) => {
  await installPackages(root)
  await buildPackages(root, stateDirectory, types)
}
