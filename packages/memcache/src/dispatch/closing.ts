import { type CloseOptions, endWithin, Fault } from '@glammp/wire'
import { checkCall, type RouteContext } from './route.js'

/**
 * Waits for what is under way, then closes; after `timeout`, or when the signal aborts, without waiting.
 *
 * @param loads - what loads of `wrap` wait for; `undefined` where there is none.
 */
export async function close(
  context: RouteContext,
  loads: () => Promise<void> | undefined,
  options: CloseOptions = {},
): Promise<void> {
  checkCall('close', options)
  const { fleet } = context
  await endWithin(finish(context, loads()), options, (why) =>
    fleet.drop(new Fault('closed', `the client was closed and ${why}`)),
  )
}

async function finish({ fleet, keyOrder }: RouteContext, loads?: Promise<void>): Promise<void> {
  // Where nothing is loaded, no later call may slip in before the servers refuse it.
  if (loads !== undefined) await loads
  const turn = keyOrder.idle()
  if (turn !== undefined) await turn
  await fleet.close()
}
