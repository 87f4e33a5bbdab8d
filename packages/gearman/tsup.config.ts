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

/** In the CommonJS build `import.meta.url`, by which the thread's module is found, is the file's own name. */
const withImportMetaUrl: NonNullable<Options['esbuildOptions']> = (options, { format }) => {
  if (format !== 'cjs') return
  options.define = { ...options.define, 'import.meta.url': 'importMetaUrl' }
  options.inject = [...(options.inject ?? []), './import-meta-url.ts']
}

export default defineConfig([
  {
    ...published,
    esbuildOptions: withImportMetaUrl,
    clean: ['!glammp-worker.*', '!sandbox-thread.*'],
  },
  programs,
])
