export { Peer, type Reader } from './peer.js'
export { startSeveral } from './start-several.js'
export type { ServerClock } from './test-clock.js'
export { type ListenOptions, TestServer } from './test-server.js'
