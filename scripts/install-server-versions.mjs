// Unpacks the memcached and the gearmand of Debian's other releases, and Perl's gearmand, below
// .glammp/servers: each folder there has a `bin`, to be put first on PATH. They run with the libraries of
// their own release. Nothing is installed, no root is needed, and what is there is not fetched again.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { step } from './step.mjs'

const DIRECTORY = join(dirname(dirname(fileURLToPath(import.meta.url))), '.glammp', 'servers')
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const MIRROR = 'http://deb.debian.org/debian'
const SERVERS = ['memcached', 'gearman-job-server', 'sasl2-bin', 'libsasl2-modules']

/** What there is: the release of Debian, its packages, their programs. */
const RELEASES = {
  bullseye: { suite: 'bullseye', packages: SERVERS },
  bookworm: { suite: 'bookworm', packages: SERVERS },
  trixie: { suite: 'trixie', packages: SERVERS },
  sid: { suite: 'sid', packages: SERVERS },
  perl: { suite: 'bookworm', packages: ['gearman-server'] },
}

const ARCHITECTURES = {
  x64: { debian: 'amd64', triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { debian: 'arm64', triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
}
const architecture = ARCHITECTURES[process.arch]

/** An apt that knows this release and nothing of what is installed here. */
const aptOf = (suite) => {
  const directory = join(DIRECTORY, '.apt', suite)
  const place = (name) => join(directory, name)
  for (const name of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(place(name), { recursive: true })
  }
  const source = `deb [arch=${architecture.debian} signed-by=${KEYRING}] ${MIRROR} ${suite} main\n`
  writeFileSync(place('sources.list'), source)
  const settings = {
    'APT::Architecture': architecture.debian,
    'APT::Sandbox::User': '',
    'APT::Install-Recommends': 'false',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Dir::State::Lists': place('lists'),
    'Dir::State::Status': '/dev/null',
    'Dir::Cache': place('cache'),
    'Dir::Etc::SourceList': place('sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`)
  writeFileSync(place('apt.conf'), lines.join(''))
  return { APT_CONFIG: place('apt.conf') }
}

/** Whether a package holds what a program loads, and not what only an installation needs. */
const isLoaded = (name, release) =>
  release === 'perl' || (name.startsWith('lib') && !name.includes('perl'))

/** A program that starts with the loader and the libraries of its own release. */
const wrap = (root, program, variables = '') => {
  const { triplet, loader } = architecture
  const folders = [`lib/${triplet}`, `usr/lib/${triplet}`].map((folder) => join(root, folder))
  const loaders = [`lib/${triplet}/${loader}`, `usr/lib/${triplet}/${loader}`, `lib64/${loader}`]
  const found = loaders.map((path) => join(root, path)).find((path) => existsSync(path))
  if (found === undefined) throw new Error(`no ${loader} in ${root}`)
  return `#!/bin/sh\n${variables}exec '${found}' --library-path '${folders.join(':')}' ${program} "$@"\n`
}

/** The folders of Perl's modules: those that carry a version have it last, beside a link without it. */
const perlFolders = (root) => {
  const { triplet } = architecture
  const versioned = ['usr/share/perl', `usr/lib/${triplet}/perl`, `usr/lib/${triplet}/perl5`]
  const newest = (folder) =>
    readdirSync(join(root, folder))
      .filter((name) => /^\d/.test(name))
      .sort()
      .at(-1)
  return [
    'usr/share/perl5',
    `usr/lib/${triplet}/perl-base`,
    ...versioned.map((folder) => join(folder, newest(folder))),
  ].map((folder) => join(root, folder))
}

const programsOf = (root, release) => {
  if (release === 'perl') {
    const variables = `export PERL5LIB='${perlFolders(root).join(':')}'\n`
    const program = `'${join(root, 'usr/bin/perl')}' '${join(root, 'usr/bin/gearmand')}'`
    return { gearmand: wrap(root, program, variables) }
  }
  const { triplet } = architecture
  // SASL finds its mechanisms by this path, and gearmand its queues by none.
  const sasl = `export SASL_PATH='${join(root, `usr/lib/${triplet}/sasl2`)}'\n`
  return {
    memcached: wrap(root, `'${join(root, 'usr/bin/memcached')}'`, sasl),
    saslpasswd2: wrap(root, `'${join(root, 'usr/sbin/saslpasswd2')}'`, sasl),
    gearmand: wrap(root, `'${join(root, 'usr/sbin/gearmand')}'`),
  }
}

const install = async (release) => {
  const { suite, packages } = RELEASES[release]
  const directory = join(DIRECTORY, release)
  const list = join(directory, 'packages')
  const isThere = existsSync(list) && readFileSync(list, 'utf8') === packages.join(' ')
  if (isThere) return
  rmSync(directory, { recursive: true, force: true })
  const root = join(directory, 'root')
  const debs = join(directory, 'debs')
  for (const folder of [root, debs]) mkdirSync(folder, { recursive: true })
  const env = aptOf(suite)
  await step(`lists of Debian ${suite}`, [['apt-get', '-qq', 'update']], { env })
  const simulated = execFileSync('apt-get', ['-qq', '-s', 'install', ...packages], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  const wanted = [...simulated.matchAll(/^Inst (\S+) /gm)]
    .map(([, name]) => name)
    .filter((name) => packages.includes(name) || isLoaded(name, release))
  await step(
    `${packages.join(' and ')} of Debian ${suite}`,
    [['apt-get', '-qq', 'download', ...wanted]],
    { env, cwd: debs },
  )
  for (const deb of readdirSync(debs)) execFileSync('dpkg-deb', ['-x', join(debs, deb), root])
  rmSync(debs, { recursive: true })
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  for (const [name, text] of Object.entries(programsOf(root, release))) {
    writeFileSync(join(bin, name), text)
    chmodSync(join(bin, name), 0o755)
  }
  // The last step: without it the folder is not complete.
  writeFileSync(list, packages.join(' '))
}

if (architecture === undefined || process.platform !== 'linux') {
  throw new Error('Debian has servers for x64 and arm64 on Linux')
}
const { positionals } = parseArgs({ allowPositionals: true })
for (const release of positionals.length > 0 ? positionals : Object.keys(RELEASES)) {
  if (RELEASES[release] === undefined) {
    throw new Error(`${release} is none of ${Object.keys(RELEASES).join(', ')}`)
  }
  await install(release)
}
