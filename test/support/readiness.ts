import { connect } from 'node:net'
import type { Endpoint, Probe } from './server.js'

const PROBE_TIMEOUT = 1_000

/** Whether the server at the endpoint accepts a connection and, if asked something, answers it. */
export const isReady = (endpoint: Endpoint, probe: Probe | undefined): Promise<boolean> =>
  new Promise((resolve) => {
    const { host, port, socket: path } = endpoint
    const socket = connect(path === undefined ? { host, port } : { path })
    let received = ''
    const settle = (ready: boolean): void => {
      resolve(ready)
      socket.destroy()
    }
    socket.setTimeout(PROBE_TIMEOUT, () => settle(false))
    socket.on('error', () => settle(false))
    socket.on('close', () => settle(false))
    socket.on('connect', () => {
      if (probe === undefined) settle(true)
      else socket.write(probe.question)
    })
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      if (probe !== undefined && received.startsWith(probe.answer)) settle(true)
    })
  })
