import type { Options } from 'tsup'

/** The one build of the published packages: ESM and CommonJS, with `@glammp/wire` bundled in. */
export const published: Options = {
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  clean: true,
  noExternal: ['@glammp/wire'],
  // `paths` inlines wire's declarations; `dts.resolve` would leave `from '@glammp/wire'` in them.
  dts: {
    compilerOptions: {
      ignoreDeprecations: '6.0',
      paths: { '@glammp/wire': ['../wire/src/index.ts'] },
    },
  },
}
