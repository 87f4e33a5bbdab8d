import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MemcachedOptions } from './memcached.js'
import { run } from './process.js'

/**
 * Makes a database with the user `user@realm`, and what memcached needs to ask it.
 *
 * @param saslpasswd2 - the program that writes the database, of the memcached's own release.
 * @param directory - where the database and memcached's settings go.
 */
export const saslOptions = async (
  saslpasswd2: string,
  directory: string,
  password: string,
): Promise<MemcachedOptions> => {
  const db = join(directory, 'sasldb')
  const settings = `mech_list: plain\nlog_level: 0\nsasldb_path: ${db}\n`
  await writeFile(join(directory, 'memcached.conf'), settings)
  const args = ['-p', '-c', '-a', 'memcached', '-u', 'realm', '-f', db, 'user']
  const { code, stderr } = await run(saslpasswd2, args, { input: password })
  if (code !== 0) throw new Error(`saslpasswd2 failed: ${stderr}`)
  return { args: ['-S'], env: { SASL_CONF_PATH: directory }, directories: [directory] }
}
