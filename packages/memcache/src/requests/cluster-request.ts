import type { Output } from '@glammp/wire'
import type { Protocol } from '../protocol/protocol.js'
import { type Reply, ReplyKind } from '../protocol/reply.js'
import { refusal } from './refusal.js'
import { Request } from './request.js'

/** What a configuration endpoint knows of its cluster. */
export interface ClusterConfiguration {
  /** Grows with every change. */
  readonly version: number
  readonly nodes: readonly Node[]
}

interface Node {
  readonly host: string
  readonly port: number
}

/** The name of a node. */
export function nameOf({ host, port }: Node): string {
  return `${host}:${port}`
}

/**
 * `config get cluster`, as ElastiCache and Memorystore answer it: a block with the version on the
 * first line and `host|ip|port` of each node on the second. Resolves to `undefined` if the block is
 * something else.
 */
export class ClusterRequest extends Request<ClusterConfiguration | undefined> {
  #configuration: ClusterConfiguration | undefined

  constructor() {
    super('discovery', undefined)
  }

  get repeatable(): boolean {
    return true
  }

  encode(protocol: Protocol, out: Output): number {
    protocol.line('config get cluster', out)
    return 1
  }

  accept(reply: Reply): void {
    if (reply.kind === ReplyKind.VALUE) this.#configuration = readConfiguration(reply.content())
    else if (reply.kind !== ReplyKind.END) {
      this.fail(refusal(reply, this))
      return
    }
    if (reply.final) this.succeed(this.#configuration)
  }
}

// Lines end in a bare LF; the IP address of a node may be empty, Memorystore puts it in the place
// of the host name.
export function readConfiguration(block: string): ClusterConfiguration | undefined {
  const [version = '', list = ''] = block.split(/\r?\n/)
  if (!/^\d+$/.test(version)) return undefined
  const nodes = list
    .split(' ')
    .filter((node) => node !== '')
    .map((node) => {
      const [name = '', ip = '', port = ''] = node.split('|')
      return { host: name === '' ? ip : name, port: Number(port) }
    })
  const sound = nodes.every(({ host, port }) => host !== '' && port > 0 && port < 65_536)
  if (nodes.length === 0 || !sound) return undefined
  // A server that is named twice is in the list once.
  const distinct = [...new Map(nodes.map((node) => [nameOf(node), node])).values()]
  return { version: Number(version), nodes: distinct }
}
