import { createConnection } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startGearmand } from '../support/gearmand.js'
import { startMemcached } from '../support/memcached.js'
import { isReady } from '../support/readiness.js'
import type { RunningServer, ServerOptions } from '../support/server.js'
import {
  serversAreControllable,
  serversAreProcesses,
  serversAreReal,
} from '../support/server-source.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { waitFor } from '../support/wait.js'

const ask = (server: RunningServer, question: string, timeout = 10_000): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ host: server.host, port: server.port })
    socket.setTimeout(timeout, () => socket.destroy(new Error('silence')))
    socket.on('connect', () => socket.write(question))
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      resolve(chunk.toString())
      socket.destroy()
    })
  })

const started: RunningServer[] = []
const keep = async (server: Promise<RunningServer>): Promise<RunningServer> => {
  started.push(await server)
  return server
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()))
})

const kinds = [
  { name: 'memcached', start: (o?: ServerOptions) => startMemcached(o), answer: /^VERSION 1\./ },
  { name: 'gearmand', start: (o?: ServerOptions) => startGearmand(o), answer: /^OK \d/ },
]

describe.each(kinds)('$name', ({ start, answer }) => {
  it('answers as soon as it is started', async () => {
    const server = await keep(start())
    expect(await ask(server, 'version\r\n')).toMatch(answer)
  })

  describe.skipIf(!serversAreControllable)('under control', () => {
    it('is gone after kill and back on the same address after restart', async () => {
      const server = await keep(start())
      const { address, port } = server
      await server.kill()
      expect(server.pid).toBeUndefined()
      await expect(ask(server, 'version\r\n')).rejects.toThrow()
      await server.restart()
      expect(server.address).toBe(address)
      expect(server.port).toBe(port)
      expect(await ask(server, 'version\r\n')).toMatch(answer)
    })

    it('restarts while it runs', async () => {
      const server = await keep(start())
      const first = server.pid
      await server.restart()
      if (serversAreProcesses) expect(server.pid).not.toBe(first)
      expect(await ask(server, 'version\r\n')).toMatch(answer)
    })

    it('says nothing while it is paused, and goes on after', async () => {
      const server = await keep(start())
      await server.pause()
      await expect(ask(server, 'version\r\n', 300)).rejects.toThrow('silence')
      await server.resume()
      expect(await ask(server, 'version\r\n')).toMatch(answer)
    })

    it('ends on SIGTERM, also when it is paused', async () => {
      const server = await keep(start())
      await server.pause()
      await server.terminate()
      await expect(ask(server, 'version\r\n')).rejects.toThrow()
    })

    it('can be stopped twice, and not be started after', async () => {
      const server = await start()
      await server.stop()
      await server.stop()
      await expect(server.restart()).rejects.toThrow('was stopped')
    })

    it('shows what the server said when it cannot be started', async () => {
      await expect(start({ args: ['--no-such-flag'] })).rejects.toThrow('no-such-flag')
    })

    it('takes a port of the caller, and refuses one in use', async () => {
      const server = await start()
      const { port } = server
      await expect(start({ port })).rejects.toThrow(`port ${port}`)
      await server.stop()
      const again = await keep(start({ port }))
      expect(again.port).toBe(port)
    })

    it('starts twenty at once, each with a port of its own', async () => {
      const servers = await Promise.all(Array.from({ length: 20 }, () => keep(start())))
      expect(new Set(servers.map(({ port }) => port)).size).toBe(20)
      for (const server of servers) expect(await ask(server, 'version\r\n')).toMatch(answer)
    })
  })
})

describe.skipIf(!serversAreControllable)('memcached in its own ways', () => {
  it.skipIf(!serversAreReal)('takes flags and shows its log', async () => {
    const server = await keep(startMemcached({ args: ['-vv', '-m', '100'] }))
    await ask(server, 'version\r\n')
    expect(await ask(server, 'stats\r\n')).toContain('limit_maxbytes 104857600')
    // From a container the log comes over the engine, a little late.
    await waitFor(() => server.logs().includes('server listening'))
  })

  it('listens at a unix socket', async () => {
    await using directory = await temporaryDirectory()
    const socket = `${directory.path}/m.sock`
    const server = await keep(startMemcached({ socket, directories: [directory.path] }))
    expect(server.address).toBe(`unix:${socket}`)
    const probe = { question: 'version\r\n', answer: 'VERSION ' }
    const endpoint = { host: '', port: 0, socket }
    expect(await isReady(endpoint, probe)).toBe(true)
    await server.restart()
    expect(await isReady(endpoint, probe)).toBe(true)
    await server.stop()
    expect(await isReady(endpoint, probe)).toBe(false)
  })
})
