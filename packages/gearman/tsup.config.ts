import { defineConfig, type Options } from 'tsup'
import { published } from '../../tsup.shared.js'

/** Run by path, never imported: ES modules for both builds of the package, without declarations. */
const programs: Options = {
  ...published,
  entry: {
    'glammp-worker': 'src/runner/glammp-worker.ts',
    'sandbox-thread': 'src/sandbox/sandbox-thread.ts',
  },
  format: ['esm'],
  dts: false,
  clean: false,
  splitting: false,
  // The runner's handlers and the runner itself must have the same package.
  external: ['@glammp/gearman'],
}

export default defineConfig([
  // `import.meta.url`, by which the thread is found, exists in the CommonJS build only as a shim.
  { ...published, shims: true, clean: ['!glammp-worker.*', '!sandbox-thread.*'] },
  programs,
])
