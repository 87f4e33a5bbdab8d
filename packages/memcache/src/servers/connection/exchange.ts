import type { Deadlines } from '@glammp/wire'
import type { Request } from '../../requests/request.js'
import type { Session } from './session.js'

/**
 * Sends requests on a session that nobody else uses yet, and waits until each is answered, lost
 * (then its reason is the Fault) or out of time.
 */
export function exchange<T>(
  session: Session,
  requests: readonly Request<T>[],
  deadlines: Deadlines,
  timeout: number,
): Promise<PromiseSettledResult<T>[]> {
  for (const request of requests) deadlines.add(request.course, timeout)
  session.send(requests, {
    answered: (request) => deadlines.remove(request.course),
    dropped: (request) => deadlines.remove(request.course),
    goesOn: (request, milliseconds) => deadlines.add(request.course, milliseconds),
    lost: (request, reason) => {
      deadlines.remove(request.course)
      request.fail(reason)
    },
    abandoned: (_, end) => end(() => {}),
    finished: () => {},
  })
  return Promise.allSettled(requests.map(({ promise }) => promise))
}
