import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guardDirectory } from './guardian.js'

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string
  remove(): Promise<void>
}

/** A directory that is gone when it is removed or when this process ends, whichever comes first. */
export const temporaryDirectory = async (): Promise<TemporaryDirectory> => {
  // The short prefix leaves room for unix sockets, whose paths end at about 100 bytes.
  const path = await realpath(await mkdtemp(join(tmpdir(), 'glammp-')))
  guardDirectory(path)
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true })
  return { path, remove, [Symbol.asyncDispose]: remove }
}
