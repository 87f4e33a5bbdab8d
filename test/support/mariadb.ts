import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram } from '../../scripts/programs.mjs'
import { reservePort } from './ports.js'
import { startProcess } from './process.js'
import { isReady } from './readiness.js'
import { waitFor } from './wait.js'

const program = findProgram('mariadbd')
const HOST = '127.0.0.1'

/** Whether this machine has the MariaDB server (Debian: mariadb-server-core). */
export const hasMariadb: boolean = program !== undefined

export interface MariadbServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
}

/**
 * Starts a MariaDB with one empty database, which lets every user in without a look at the
 * password, and keeps its files in the directory.
 */
export const startMariadb = async (directory: string, database: string): Promise<MariadbServer> => {
  if (program === undefined) throw new Error('mariadbd is not on PATH')
  const data = join(directory, 'mariadb')
  const start = join(directory, 'start.sql')
  await mkdir(data)
  await writeFile(start, `CREATE DATABASE ${database};\n`)
  const { port, release } = await reservePort(HOST)
  const server = startProcess(program, [
    '--no-defaults',
    '--skip-grant-tables',
    `--datadir=${data}`,
    `--socket=${join(directory, 'mariadb.sock')}`,
    `--bind-address=${HOST}`,
    `--port=${port}`,
    `--init-file=${start}`,
    '--innodb-buffer-pool-size=16M',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ])
  const stop = async (): Promise<void> => {
    await server.kill('SIGKILL')
    release()
  }
  let ended = false
  void server.ended.then(() => {
    ended = true
  })
  const ready = (): Promise<boolean> => isReady({ host: HOST, port }, undefined)
  await waitFor(() => ended || ready(), { timeout: 20_000, what: 'MariaDB' }).catch(() => {})
  if (ended || !(await ready())) {
    await stop()
    throw new Error(`MariaDB does not answer; it wrote:\n${server.stderr()}`)
  }
  return { host: HOST, port, [Symbol.asyncDispose]: stop }
}
