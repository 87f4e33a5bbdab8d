import { afterEach, beforeEach, expect, test } from 'vitest'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'
import { startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'
import { type Addresses, runExample, startExample } from './example-process.js'

// Servers of each test's own: two examples serve the function `title`, each in its own way.
let servers: GearmandServer[] = []
let addresses: Addresses = {}
beforeEach(async () => {
  const count = serversAreControllable ? 2 : 1
  servers = await Promise.all(Array.from({ length: count }, () => startGearmand()))
  addresses = { gearmand: servers.map(({ address }) => address) }
})
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()))
})

test('title: the client prints what PHP prints, and the worker leaves on SIGTERM', async () => {
  await using worker = await startExample('gearman/title-worker', addresses)
  expect(await runExample('gearman/title-client', addresses)).toMatchObject({
    code: 0,
    stdout: 'O Ivo Andava De Patins!!!\n',
    stderr: '',
  })
  expect(await worker.kill('SIGTERM')).toMatchObject({ code: 0, stderr: '' })
})

test('title: the worker leaves on SIGINT also where it has had nothing to do', async () => {
  await using worker = await startExample('gearman/title-worker', addresses)
  await worker.waitForOutput('waiting for jobs')
  expect(await worker.kill('SIGINT')).toMatchObject({ code: 0, stderr: '' })
})

test('title: a job waits for its worker', async () => {
  await using client = await startExample('gearman/title-client', addresses)
  await using worker = await startExample('gearman/title-worker', addresses)
  expect(await client.ended).toMatchObject({ code: 0, stdout: 'O Ivo Andava De Patins!!!\n' })
  await worker.kill()
})

test('log queue: the client leaves ten records, the worker writes them', async () => {
  const client = await runExample('gearman/log-queue-client', addresses)
  expect(client).toMatchObject({ code: 0, stderr: '' })
  expect(client.stdout).toMatch(/^(\S+\/\/H:\S+ queued\n){10}$/)
  await using worker = await startExample('gearman/log-queue-worker', addresses)
  await worker.waitForOutput(/(.* vez\(es\)\n){10}/)
  const { code, stdout } = await worker.kill()
  expect(code).toBe(0)
  const messages = [...stdout.matchAll(/^.*\d{4}.* - (.+)$/gm)].map(([, message]) => message)
  const wanted = Array.from({ length: 10 }, (_, i) => `O Ivo andou de patins ${i} vez(es)`)
  expect(messages.sort()).toEqual(wanted)
})

test('log queue: a worker that is told to leave finishes the record it has', async () => {
  await using worker = await startExample('gearman/log-queue-worker', addresses)
  await worker.waitForOutput('waiting for jobs')
  await runExample('gearman/log-queue-client', addresses)
  const { code, stdout } = await worker.kill('SIGTERM')
  expect(code).toBe(0)
  // The others stay with gearmand: the next worker gets each of them, and no record twice.
  await using next = await startExample('gearman/log-queue-worker', addresses)
  const written = stdout.split('\n').filter((line) => line.includes('patins')).length
  if (written < 10) await next.waitForOutput(new RegExp(`(.* vez\\(es\\)\\n){${10 - written}}`))
  const rest = (await next.kill()).stdout
  const numbers = [...(stdout + rest).matchAll(/patins (\d)/g)].map(([, number]) => Number(number))
  expect(numbers.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('job status: the client sees every step', async () => {
  await using worker = await startExample('gearman/job-status-worker', addresses)
  await worker.waitForOutput('waiting for jobs')
  const { code, stdout, stderr } = await runExample('gearman/job-status-client', addresses)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect([...new Set(stdout.trimEnd().split('\n'))]).toEqual([
    'Executando: passo 0 de 2',
    'Executando: passo 1 de 2',
    'Executando: passo 2 de 2',
  ])
  expect(await worker.kill()).toMatchObject({ code: 0, stderr: '' })
})

test.skipIf(!serversAreControllable)(
  'job status: without a server there are problems',
  async () => {
    const { code, stderr } = await runExample('gearman/job-status-client', {})
    expect(code).toBe(1)
    expect(stderr).toContain('Job com problemas')
    expect(stderr).toContain('ERR_GEARMAN_')
  },
)

test('priorities: six calls', async () => {
  await using worker = await startExample('gearman/title-worker', addresses)
  const { code, stdout, stderr } = await runExample('gearman/priorities', addresses)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(
    stdout
      .replace(/: \S+\/\/H:\S+$/gm, ': handle')
      .trimEnd()
      .split('\n'),
  ).toEqual([
    'do: Uma Frase Qualquer',
    'doHigh: Uma Frase Qualquer',
    'doLow: Uma Frase Qualquer',
    'doBackground: handle',
    'doHighBackground: handle',
    'doLowBackground: handle',
  ])
  await worker.kill()
})

test('both: the old page is served while a job makes the new one', async () => {
  await using memcached = await startMemcached()
  const both = { ...addresses, memcached: [memcached.address] }
  const { code, stdout, stderr } = await runExample('both/refresh-in-background', both)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^request: 27 estados, made 0 s ago\nrequest: 27 estados, made 2 s ago\nworker: pagina:estados is made anew\nrequest: 26 estados, made \d s ago\n$/,
  )
})
