/** Chunks as a connection hands them over: each stands in `memory`, where the one before it stood. */
export function* received(memory: Buffer, chunks: Iterable<Buffer>): Generator<Buffer> {
  for (const chunk of chunks) {
    if (chunk.length > memory.length) throw new Error('no chunk is that long')
    chunk.copy(memory)
    yield memory.subarray(0, chunk.length)
    memory.fill(0, 0, chunk.length)
  }
}
