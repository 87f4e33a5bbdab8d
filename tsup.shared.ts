import type { Options } from 'tsup'

/**
 * Node's modules that a CommonJS library asks for by `require`, as an import: a `require` left in an ES
 * module fails once an application's bundler has made one file of everything.
 */
const builtins = {
  name: 'builtins-by-import',
  setup(build) {
    build.onResolve({ filter: /^(crypto|events)$/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, namespace: 'builtin' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `export * from 'node:${path}'`,
    }))
  },
} satisfies NonNullable<Options['esbuildPlugins']>[number]

/** The one build of the published packages: ESM and CommonJS, with `@glammp/wire` and the CommonJS libraries bundled in. */
export const published: Options = {
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
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
      paths: { '@glammp/wire': ['../wire/src/index.ts'] },
    },
  },
}
