import { EventEmitter, once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { makeCertificates } from '../support/certificates.js'
import { canListen, reservePort } from '../support/ports.js'
import { run, startProcess } from '../support/process.js'
import { waitFor, waitForEvent } from '../support/wait.js'

describe('reservePort', () => {
  it('never gives one port twice', async () => {
    const reservations = await Promise.all(Array.from({ length: 200 }, () => reservePort()))
    expect(new Set(reservations.map(({ port }) => port)).size).toBe(200)
    for (const { release } of reservations) release()
  })

  it('leaves the port itself free', async () => {
    const { port, release } = await reservePort()
    expect(await canListen('127.0.0.1', port)).toBe(true)
    release()
  })
})

describe('waitFor', () => {
  it('resolves with what the predicate found', async () => {
    let looks = 0
    expect(await waitFor(() => (looks++ === 3 ? 'found' : undefined))).toBe('found')
  })

  it('gives up, with the last error as the cause', async () => {
    const failing = waitFor(() => Promise.reject(new Error('not there')), { timeout: 30 })
    await expect(failing).rejects.toMatchObject({ cause: { message: 'not there' } })
    await expect(waitFor(() => false, { timeout: 30, what: 'rain' })).rejects.toThrow('rain')
  })

  it('has a sister for events', async () => {
    const emitter = new EventEmitter()
    setImmediate(() => emitter.emit('done', 42))
    expect(await waitForEvent(emitter, 'done')).toBe(42)
    await expect(waitForEvent(emitter, 'done', { timeout: 20 })).rejects.toThrow("'done'")
  })
})

/** A program of JavaScript: a machine may have no other. */
const node = (script: string): [program: string, args: string[]] => [
  process.execPath,
  ['-e', script],
]

describe('run', () => {
  it('captures output and exit code, and passes input and environment', async () => {
    const script =
      'process.exitCode = 3; process.stdin.pipe(process.stdout); process.stderr.write(process.env.WORD)'
    const result = await run(...node(script), { input: 'in', env: { WORD: 'out' } })
    expect(result).toEqual({ code: 3, signal: null, stdout: 'in', stderr: 'out' })
  })

  it('kills what takes too long, with its children', async () => {
    const child =
      "require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 60000)'], { stdio: 'inherit' })"
    const { signal } = await run(...node(`${child}; setInterval(() => {}, 60000)`), {
      timeout: 300,
    })
    expect(signal).toBe('SIGKILL')
  })

  it('says so when the program does not exist', async () => {
    expect((await run('no-such-program-here')).code).toBe(127)
  })

  it('waits for output', async () => {
    await using child = startProcess(
      ...node("process.stdin.on('data', (word) => console.log('got', String(word)))"),
    )
    child.write('it\n')
    await child.waitForOutput('got it')
    await expect(child.waitForOutput('more', 30)).rejects.toThrow('more')
    expect((await child.kill()).signal).toBe('SIGTERM')
    await expect(child.waitForOutput('more')).rejects.toThrow('ended without more')
  })
})

describe('makeCertificates', () => {
  it('makes an authority whose server and client trust each other, and a stranger', async () => {
    const certificates = await makeCertificates()
    const read = async ({ key, cert }: { key: string; cert: string }) => ({
      key: await readFile(key),
      cert: await readFile(cert),
    })
    const ca = await readFile(certificates.ca)
    const { port, release } = await reservePort()
    const mutual = { ca, requestCert: true, rejectUnauthorized: true }
    const server = createTlsServer({ ...(await read(certificates.server)), ...mutual }, (socket) =>
      socket.end('hello'),
    )
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    const client = connectTls({ host: '127.0.0.1', port, ca, ...(await read(certificates.client)) })
    expect(String(await once(client, 'data'))).toBe('hello')
    client.destroy()

    server.setSecureContext({ ...(await read(certificates.stranger)), ca })
    const wary = connectTls({ host: '127.0.0.1', port, ca, ...(await read(certificates.client)) })
    await expect(once(wary, 'secureConnect')).rejects.toThrow()
    server.close()
    release()
    await certificates.remove()
    expect(existsSync(certificates.directory)).toBe(false)
  })
})
