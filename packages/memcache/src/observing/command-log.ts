import { tracingChannel } from 'node:diagnostics_channel'
import { debuglog } from 'node:util'
import { type CommandMessage, channelNames } from './channels.js'

const log = debuglog('glammp')
let logging = false

/** With `NODE_DEBUG=glammp` in the environment, writes every command to standard error. */
export function logCommands(): void {
  if (!log.enabled || logging) return
  logging = true
  const nothing = (): void => {}
  tracingChannel<unknown, CommandMessage>(channelNames.command).subscribe({
    start: nothing,
    end: nothing,
    asyncStart: nothing,
    error: nothing,
    asyncEnd: ({ command, server, keys, bytes, outcome }) => {
      log('%s on %s: %s (%d keys, %d bytes)', command, server, outcome, keys, bytes)
    },
  })
}
