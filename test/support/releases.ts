import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const DIRECTORY = fileURLToPath(new URL('../../.glammp/servers', import.meta.url))

/** A program of Debian's release, wherever `scripts/install-server-versions.mjs` unpacked it. */
export const releaseProgram = (release: string, name: string): string | undefined => {
  const program = `${DIRECTORY}/${release}/bin/${name}`
  return existsSync(program) ? program : undefined
}

/** Debian's releases, from the oldest on: memcached 1.6.9, 1.6.18, 1.6.38, and whatever is the newest. */
export const RELEASES = ['bullseye', 'bookworm', 'trixie', 'sid'] as const

/** Whether the servers of the release are unpacked here. */
export const isUnpacked = (release: string): boolean =>
  existsSync(`${DIRECTORY}/${release}/packages`)
