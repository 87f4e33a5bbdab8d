import type { Options } from 'tsup'

/** What CommonJS libraries use of Node's modules that they ask for by `require`. */
const BUILTINS: Readonly<Record<string, string>> = { crypto: 'createHash', events: 'EventEmitter' }

/**
 * Makes such a `require` an import: left in an ES module it fails once an application's bundler has made
 * one file of everything. By name: webpack 5.98, and the one in Next 16, sees no members of a module that is a
 * function, as that of events, in `import *`.
 */
const builtins = {
  name: 'builtins-by-import',
  setup(build) {
    build.onResolve({ filter: /^(crypto|events)$/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, namespace: 'builtin' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `export { ${BUILTINS[path]} } from 'node:${path}'`,
    }))
  },
} satisfies NonNullable<Options['esbuildPlugins']>[number]

/** The one build of the published packages: ESM and CommonJS, with `@glammp/wire` and the CommonJS libraries bundled in. */
export const published: Options = {
  entry: { index: 'src/index.ts', testing: 'src/testing/index.ts' },
  format: ['esm', 'cjs'],
  // The client stays one file: who does not test loads nothing of the servers.
  splitting: false,
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  clean: true,
  noExternal: ['@glammp/wire', 'generic-pool', 'hashring', 'connection-parse', 'simple-lru-cache'],
  esbuildPlugins: [builtins],
  // `paths` inlines wire's declarations; `dts.resolve` would leave `from '@glammp/wire'` in them.
  dts: {
    compilerOptions: {
      ignoreDeprecations: '6.0',
      paths: {
        '@glammp/wire': ['../wire/src/index.ts'],
        '@glammp/wire/testing': ['../wire/src/testing/index.ts'],
      },
    },
  },
}
