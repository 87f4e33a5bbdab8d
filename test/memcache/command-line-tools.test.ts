import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findProgram } from '../../scripts/programs.mjs'
import { startMemcached } from '../support/memcached.js'
import { type ProcessResult, run } from '../support/process.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

const hasTools = findProgram('memccapable') !== undefined

const tool = async (name: string, ...args: readonly string[]): Promise<ProcessResult> =>
  run(`memc${name}`, args, { timeout: 20_000 })

describe.skipIf(!hasTools).each([undefined, 'embedded' as const])(
  "libmemcached's tools, on servers: %s",
  (source) => {
    test('store, read, touch, list, count and delete', async () => {
      await using server = await startMemcached({ source })
      await using directory = await temporaryDirectory()
      const file = join(directory.path, 'estado')
      await writeFile(file, 'O Ivo andava de patins')
      const servers = `--servers=${server.address}`
      expect(await tool('cp', servers, file)).toMatchObject({ code: 0 })
      expect(await tool('cat', servers, 'estado')).toMatchObject({
        code: 0,
        stdout: 'O Ivo andava de patins\n',
      })
      expect(await tool('exist', servers, 'estado')).toMatchObject({ code: 0 })
      expect(await tool('touch', servers, '--expire=100', 'estado')).toMatchObject({ code: 0 })
      expect(await tool('dump', servers)).toMatchObject({ code: 0, stdout: 'estado\n' })
      const { stdout } = await tool('stat', servers)
      expect(stdout).toMatch(/^\s*curr_items: 1$/m)
      expect(await tool('ping', servers)).toMatchObject({ code: 0 })
      expect(await tool('rm', servers, 'estado')).toMatchObject({ code: 0 })
      expect(await tool('exist', servers, 'estado')).toMatchObject({ code: 1 })
      expect(await tool('flush', servers)).toMatchObject({ code: 0 })
    })

    test('find every answer of the text protocol right', async () => {
      await using server = await startMemcached({ source })
      const { stdout, code } = await tool(
        'capable',
        '-h',
        server.host,
        '-p',
        `${server.port}`,
        '-a',
      )
      expect(stdout.match(/^ascii .+\[pass\]$/gm), stdout).toHaveLength(27)
      expect(code).toBe(0)
    })

    test('put a load on it', async () => {
      await using server = await startMemcached({ source })
      const { stdout, code } = await tool(
        'aslap',
        ...['-s', server.address, '-x', '2000', '-T', '1', '-c', '4'],
      )
      expect(stdout).toMatch(/^get_misses: 0$/m)
      expect(code).toBe(0)
    })
  },
)
