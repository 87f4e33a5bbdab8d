import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian and Homebrew put gearmand into an sbin that the PATH of a normal user lacks. */
const USUAL_PLACES = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin', '/opt/homebrew/bin']

const isProgram = (path) => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The full path of a program, or undefined. */
export const findProgram = (name) =>
  [...(process.env.PATH ?? '').split(delimiter), ...USUAL_PLACES]
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(isProgram)

/** What a program called gearmand is, by its path. */
const isGearmand = new Map()

/**
 * The full path of memcached or gearmand, or undefined. Perl's gearman-server package has another
 * program called gearmand, which lacks much: that is not it.
 */
export const findServer = (name) => {
  const path = findProgram(name)
  if (path === undefined || name !== 'gearmand') return path
  if (!isGearmand.has(path)) {
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 })
    isGearmand.set(path, /^gearmand \d/m.test(stdout ?? ''))
  }
  return isGearmand.get(path) ? path : undefined
}
