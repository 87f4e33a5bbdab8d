import { readdirSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import * as esbuild from 'esbuild'
import { rollup } from 'rollup'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import webpack from 'webpack'
import olderWebpack from 'webpack-older'
import { root } from '../main-job/snippets.js'
import { startGearmand } from '../support/gearmand.js'
import { startMemcached } from '../support/memcached.js'
import { type ProcessResult, run } from '../support/process.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'

const PACKAGES = ['memcache', 'gearman']
const fixture = (name: string): string => join(root, 'test/packaging/fixtures', name)

const passed = (result: ProcessResult): ProcessResult => {
  if (result.code !== 0 || result.stderr !== '') throw new Error(JSON.stringify(result, null, 2))
  return result
}

// An application of its own: outside the repository, so that nothing of its node_modules is found.
let application: TemporaryDirectory
const tarballs: string[] = []
const within = (...names: string[]): string => join(application.path, ...names)

beforeAll(async () => {
  application = await temporaryDirectory()
  for (const name of PACKAGES) {
    const pack = ['--no-install', 'pnpm', 'pack', '--pack-destination', application.path]
    expect(await run('npx', pack, { cwd: join(root, 'packages', name) })).toMatchObject({ code: 0 })
  }
  tarballs.push(...readdirSync(application.path).filter((name) => name.endsWith('.tgz')))
  await writeFile(within('package.json'), '{ "private": true }')
  const install = ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund']
  const packages = [...tarballs.map((name) => `./${name}`), '@types/node@20']
  const installed = await run('npm', [...install, ...packages], {
    cwd: application.path,
    timeout: 120_000,
  })
  expect(installed).toMatchObject({ code: 0 })

  const program = await readFile(fixture('program.js'), 'utf8')
  const names = {
    memcache: '{ MemcacheClient }',
    gearman: '{ defineJob, GearmanClient, GearmanWorker }',
  }
  const entries = Object.entries(names)
  const imports = entries.map(([name, list]) => `import ${list} from '@glammp/${name}'\n`)
  const requires = entries.map(([name, list]) => `const ${list} = require('@glammp/${name}')\n`)
  await writeFile(within('program.mjs'), imports.join('') + program)
  await writeFile(within('program.cjs'), requires.join('') + program)
  await writeFile(
    within('client-only.mjs'),
    "import { GearmanClient } from '@glammp/gearman'\nconst client = new GearmanClient('localhost')\n" +
      'client.close().then(() => console.log("closed"))\n',
  )
}, 180_000)
afterAll(() => application.remove())

/** Runs the program against servers of its own and compares what it says. */
const expectToWork = async (...program: string[]): Promise<void> => {
  await using memcached = await startMemcached()
  await using gearmand = await startGearmand()
  const args = [...program, memcached.address, gearmand.address]
  const { stdout } = passed(await run(process.execPath, args, { cwd: application.path }))
  expect(JSON.parse(stdout)).toEqual({
    estado: { uf: 'SC', since: '1970-01-01T00:00:00.000Z' },
    computed: 'loaded',
    many: ['estado'],
    reversed: 'pmmalg',
  })
}

test('licence, changes and manual are in the tarballs, sources and tests are not', async () => {
  expect(tarballs).toHaveLength(PACKAGES.length)
  for (const name of PACKAGES) {
    const files = readdirSync(within('node_modules/@glammp', name), { recursive: true }).map(String)
    expect(files).toEqual(
      expect.arrayContaining(['LICENSE', 'CHANGELOG.md', 'README.md', 'dist/index.d.cts']),
    )
    expect(files.filter((file) => /\btest\b|^src/.test(file))).toEqual([])
  }
})

test('an optional peer is not installed with the packages', () => {
  expect(readdirSync(within('node_modules'))).not.toContain('piscina')
})

describe('an application runs', () => {
  test.each(['program.mjs', 'program.cjs'])('as %s', (name) => expectToWork(within(name)))

  test('in a realm of its own, as Jest makes them', async () => {
    await using memcached = await startMemcached()
    await using gearmand = await startGearmand()
    for (const name of ['realm.cjs', 'realm-program.cjs'])
      await copyFile(fixture(name), within(name))
    await writeFile(within('handler.cjs'), 'exports.module = () => "in a thread"')
    const piscina = within('node_modules/piscina')
    await symlink(join(root, 'packages/gearman/node_modules/piscina'), piscina)
    const servers = [memcached.address, gearmand.address]
    const args = ['realm.cjs', within('realm-program.cjs'), ...servers, within('handler.cjs')]
    const { stdout } = passed(await run(process.execPath, args, { cwd: application.path }))
    await rm(piscina)
    expect(JSON.parse(stdout)).toEqual({ changed: [], module: 'in a thread' })
  })

  test('the worker program that is installed', async () => {
    const bin = within('node_modules/.bin/glammp-worker')
    const { stdout } = passed(await run(bin, ['--help'], { cwd: application.path }))
    expect(stdout).toContain('glammp-worker')
  })
})

const older = olderWebpack as unknown as typeof webpack

describe('a bundle runs where nothing is installed', { timeout: 120_000 }, () => {
  // In a directory of its own: whatever it still asks for is not found from there.
  const bundled = async (name: string): Promise<string> => {
    const alone = await temporaryDirectory()
    directories.push(alone)
    const file = join(alone.path, name)
    await copyFile(within('bundles', name), file)
    return file
  }
  const directories: TemporaryDirectory[] = []
  beforeAll(() => mkdir(within('bundles')))
  afterAll(() => Promise.all(directories.map((directory) => directory.remove())))

  test.each([
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ] as const)('made by esbuild as %s', async (format, extension) => {
    const name = `esbuild.${extension}`
    const { warnings } = await esbuild.build({
      entryPoints: [within('program.mjs')],
      outfile: within('bundles', name),
      absWorkingDir: application.path,
      bundle: true,
      platform: 'node',
      format,
      logLevel: 'silent',
    })
    expect(warnings.map(({ text }) => text).filter((text) => !/import\.meta/.test(text))).toEqual(
      [],
    )
    await expectToWork(await bundled(name))
  })

  test.each([
    ['es', 'mjs'],
    ['cjs', 'cjs'],
  ] as const)('made by rollup as %s', async (format, extension) => {
    const name = `rollup.${extension}`
    const bundle = await rollup({
      input: within('program.mjs'),
      plugins: [
        nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }),
        commonjs(),
        json(),
      ],
      onwarn: () => undefined,
    })
    await bundle.write({ file: within('bundles', name), format, inlineDynamicImports: true })
    await bundle.close()
    await expectToWork(await bundled(name))
  })

  test.each([
    ['an ES module', 'webpack.mjs', webpack],
    ['CommonJS', 'webpack.cjs', webpack],
    ['CommonJS, a version as old as that of Next 16', 'webpack-older.cjs', older],
  ] as const)('made by webpack as %s', async (_, name, version) => {
    await webpackBuild('program.mjs', name, version)
    await expectToWork(await bundled(name))
  })

  test('made by webpack of the gearman client alone, which needs no optional peer', async () => {
    await webpackBuild('client-only.mjs', 'client-only.cjs')
    const result = await run(process.execPath, [await bundled('client-only.cjs')])
    expect(passed(result).stdout).toBe('closed\n')
  })
})

/** One file, without an error or a warning; whatever is not there when it is built is an error. */
const webpackBuild = async (entry: string, name: string, version = webpack): Promise<void> => {
  const module = name.endsWith('.mjs')
  const compiler = version({
    context: application.path,
    entry: within(entry),
    // Whether it is made small says nothing of the packages and takes 20 seconds.
    mode: 'none',
    target: 'node20',
    output: {
      path: within('bundles'),
      filename: name,
      ...(module ? { module: true, chunkFormat: 'module' as const } : {}),
    },
    ...(module ? { experiments: { outputModule: true } } : {}),
  })
  if (compiler === null) throw new Error('webpack made no compiler')
  const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
    compiler.run((error, result) => (error === null ? resolve(result) : reject(error)))
  })
  const { errors, warnings } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {}
  expect({ errors, warnings }).toEqual({ errors: [], warnings: [] })
  await new Promise<void>((resolve) => compiler.close(() => resolve()))
}

describe('the declarations compile with strict and without skipLibCheck', () => {
  const compilers = {
    'TypeScript 5.4': 'test/packaging/node_modules/typescript-oldest/bin/tsc',
    'the newest TypeScript': 'test/packaging/node_modules/typescript-newest/bin/tsc',
  }
  const cases = Object.keys(compilers).flatMap((compiler) =>
    [
      { module: 'node16', options: ['--module', 'node16', '--exactOptionalPropertyTypes'] },
      { module: 'bundler', options: ['--module', 'esnext', '--moduleResolution', 'bundler'] },
    ].map((how) => ({ compiler, ...how })),
  )
  beforeAll(async () => {
    for (const name of ['consumer.mts', 'consumer.cts'])
      await copyFile(fixture('consumer.ts'), within(name))
  })

  test.each(cases)('$compiler, $module', { timeout: 180_000 }, async ({ compiler, options }) => {
    const tsc = join(root, compilers[compiler as keyof typeof compilers])
    const common = [
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--lib',
      'es2022,esnext.disposable',
      '--types',
      'node',
    ]
    const args = [
      tsc,
      ...common,
      '--skipLibCheck',
      'false',
      ...options,
      'consumer.mts',
      'consumer.cts',
    ]
    const { code, stdout } = await run(process.execPath, args, {
      cwd: application.path,
      timeout: 170_000,
    })
    expect(`${code} ${stdout}`).toBe('0 ')
  })
})
