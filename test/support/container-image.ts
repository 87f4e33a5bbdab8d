import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { getContainerRuntimeClient, ImageName } from 'testcontainers'
import { baseImage } from './container-base.js'
import { containerEngine } from './container-engine.js'
import type { ServerKind } from './server.js'

const CONTEXT = fileURLToPath(new URL('../containers', import.meta.url))

const images = new Map<string, Promise<string>>()

const prepare = async (name: ServerKind['name']): Promise<string> => {
  await containerEngine()
  const file = `${name}.Containerfile`
  const content = await readFile(`${CONTEXT}/${file}`)
  // One tag for each text of the file: what a run has built serves all later ones.
  const tag = createHash('sha256').update(content).digest('hex').slice(0, 12)
  const image = `localhost/glammp-${name}:${tag}`
  const client = await getContainerRuntimeClient()
  const exists = (): Promise<boolean> => client.image.exists(ImageName.fromString(image))
  if (await exists()) return image
  const buildargs = { BASE: await baseImage(client) }
  // Not by GenericContainer.fromDockerfile: that leaves a lock file in the temporary directory.
  await client.image.build(CONTEXT, { t: image, dockerfile: file, buildargs, version: '1' })
  if (await exists()) return image
  throw new Error(`${file} could not be built; DEBUG=testcontainers* shows why`)
}

/** The image of this server, built from its Containerfile when the engine does not have it. */
export const containerImage = (name: ServerKind['name']): Promise<string> => {
  const image = images.get(name) ?? prepare(name)
  images.set(name, image)
  return image
}
