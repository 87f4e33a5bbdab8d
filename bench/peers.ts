import { OwnPackages } from './own-packages.js'

const peers = new OwnPackages('peers')

/** Installs the peers, unless they are there. */
export function installPeers(): void {
  peers.install()
}

/** Loads a peer; the caller says what it needs of it. */
export function loadPeer<T>(name: string): T {
  return peers.load<T>(name)
}

/** Path of a peer's module that only `import` can load. */
export function resolvePeer(name: string): string {
  return peers.resolve(name)
}
