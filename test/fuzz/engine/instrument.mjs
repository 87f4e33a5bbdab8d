import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'
import { register as readTypeScript } from 'tsx/esm/api'

// Loaded before a thread's own code: counts which parts of the packages run, see
// instrument-hooks.mjs. In threads tsx does nothing of itself.
if (!isMainThread) {
  globalThis.fuzzCoverage = new Uint8Array(1 << 14)
  readTypeScript()
  register('./instrument-hooks.mjs', import.meta.url)
}
