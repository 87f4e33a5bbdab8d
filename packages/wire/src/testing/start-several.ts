/** What can be closed. */
interface Closable {
  close(): Promise<void>
}

/** Starts so many servers, each at a port of its own. If one fails, the others are closed again. */
export async function startSeveral<Server extends Closable>(
  count: number,
  start: () => Promise<Server>,
): Promise<Server[] & AsyncDisposable> {
  const starts = await Promise.allSettled(Array.from({ length: count }, start))
  const servers = starts.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()))
  }
  const failed = starts.find((each) => each.status === 'rejected')
  if (failed !== undefined) {
    await close()
    throw failed.reason
  }
  return Object.assign(servers, { [Symbol.asyncDispose]: close })
}
