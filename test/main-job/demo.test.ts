import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startProcess } from '../support/process.js'
import { serversAreControllable, serversAreProcesses } from '../support/server-source.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

const startDemo = () =>
  startProcess(process.execPath, ['--import', 'tsx', 'examples/demo.ts'], {
    cwd: root,
    timeout: 110_000,
  })

const answers = async (address: string): Promise<boolean> => {
  const { connect } = await import('node:net')
  const [, host = '', port] = /^(.+):(\d+)$/.exec(address) ?? []
  return new Promise((resolve) => {
    const socket = connect(Number(port), host)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

test('the demo tells the whole story', { timeout: 120_000 }, async () => {
  await using demo = startDemo()
  const { code, stdout, stderr } = await demo.ended
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
  expect(stdout.match(/^\d+\. .+$/gm)).toHaveLength(10)
  expect(stdout).toContain('   | O Ivo Andava De Patins!!!\n')
  expect(stdout).toContain('   | Executando: passo 1 de 2\n')
  expect(stdout).toContain('O Ivo andou de patins 9 vez(es)\n')
  expect(stdout).toContain("   | [ 'SC', 'RS', 'SP' ]\n")
  expect(stdout).toMatch(/is stopped\. All states once more:\n.* from the database, none missing/)
  if (!serversAreControllable) return
  const servers = /memcached: (.+)\n +gearmand: +(.+)\n/
    .exec(stdout)
    ?.slice(1)
    .join()
    .split(/[, ]+/)
  expect(servers).toHaveLength(5)
  for (const server of servers ?? []) expect(await answers(server)).toBe(false)
})

test.skipIf(!serversAreProcesses)(
  'Ctrl-C ends the demo and everything that it started',
  { timeout: 60_000 },
  async () => {
    await using demo = startDemo()
    await demo.waitForOutput('title-client', 60_000)
    const started = /memcached: (.+)\n +gearmand: +(.+)\n/.exec(demo.stdout())
    const servers = started?.slice(1).join().split(/[, ]+/) ?? []
    expect(servers).toHaveLength(5)
    const { code, stderr } = await demo.kill('SIGINT')
    expect(code).toBe(130)
    expect(stderr).toBe('\nSIGINT: stopping the servers\n')
    for (const server of servers) expect(await answers(server)).toBe(false)
  },
)
