import { serverSource } from './server-source.js'

const NAMES = ['memcached', 'gearmand'] as const

/** Readies the container engine and its images once, before tests ask for them side by side. */
export default async (): Promise<() => Promise<void>> => {
  const contained = NAMES.filter((name) => serverSource(name) === 'containers')
  if (contained.length === 0) return async () => undefined
  const { containerEngine } = await import('./container-engine.js')
  const { containerImage } = await import('./container-image.js')
  const engine = await containerEngine()
  // One after the other: both may need the base image, which is made once.
  for (const name of contained) await containerImage(name)
  return () => engine.stop()
}
