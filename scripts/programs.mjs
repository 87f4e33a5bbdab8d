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
