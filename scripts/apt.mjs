import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { findProgram } from './programs.mjs'
import { step } from './step.mjs'

const POLICY = '/usr/sbin/policy-rc.d'
const KEPT_POLICY = `${POLICY}.before-glammp`
const MARK = '# written by glammp while it installs packages'

/** Whether packages can be installed here without asking anybody: root on Debian or a child of it. */
export const canInstall = () =>
  process.getuid?.() === 0 &&
  findProgram('apt-get') !== undefined &&
  existsSync('/etc/debian_version')

const restorePolicy = () => {
  const ours = existsSync(POLICY) && readFileSync(POLICY, 'utf8').includes(MARK)
  if (existsSync(KEPT_POLICY)) renameSync(KEPT_POLICY, POLICY)
  else if (ours) rmSync(POLICY)
}

/** Debian starts the services of a package with its installation, unless this policy says no. */
const forbidServices = () => {
  restorePolicy()
  if (existsSync(POLICY)) renameSync(POLICY, KEPT_POLICY)
  writeFileSync(POLICY, `#!/bin/sh\n${MARK}\nexit 101\n`, { mode: 0o755 })
}

const dpkg = (program, ...args) => spawnSync(program, args, { encoding: 'utf8' }).stdout ?? ''

const isInstalled = (name) =>
  dpkg('dpkg-query', '--status', name).includes('\nStatus: install ok installed\n')

/** The units of a package: its services are not to start with the machine, either. */
const disableServices = (packages) => {
  const systemctl = findProgram('systemctl')
  const units = dpkg('dpkg', '-L', ...packages)
    .split('\n')
    .filter((path) => /\/systemd\/system\/[^@]+\.(service|socket)$/.test(path))
    .map((path) => path.slice(path.lastIndexOf('/') + 1))
  if (systemctl === undefined || units.length === 0) return
  spawnSync(systemctl, ['disable', '--quiet', ...units], { stdio: 'ignore' })
}

/** Installs those of the Debian packages that are missing; none of their services is started. */
export const installPackages = async (names) => {
  const packages = names.filter((name) => !isInstalled(name))
  if (packages.length === 0) return
  const apt = ['apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300']
  const install = [...apt, 'install', '--yes', '--no-install-recommends', ...packages]
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const title = `installing ${packages.join(', ')} with apt-get`
  forbidServices()
  process.once('exit', restorePolicy)
  try {
    await step(title, [install], { env }).catch(() =>
      // The lists of packages are missing, or older than what the mirror holds.
      step(`${title}, with new lists`, [[...apt, 'update'], install], { env }),
    )
  } finally {
    process.off('exit', restorePolicy)
    restorePolicy()
  }
  disableServices(packages)
}
