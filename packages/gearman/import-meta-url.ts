import { pathToFileURL } from 'node:url'

declare const __filename: string | undefined

/** Put into the CommonJS build; undefined where a bundler has made an ES module of it. */
export const importMetaUrl: string | undefined =
  typeof __filename === 'string' ? pathToFileURL(__filename).href : undefined
