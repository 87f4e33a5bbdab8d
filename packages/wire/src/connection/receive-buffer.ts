/**
 * What the sockets of this process are read into, one chunk after the other: a Buffer for each read
 * costs 1 to 3 microseconds more (Node 20). What is read is gone through before the next is, so one
 * is enough for all of them.
 */
export const receiveBuffer: Buffer = Buffer.allocUnsafeSlow(65_536)

/**
 * Received bytes as a Buffer that may be kept: they are copied if they are in
 * {@link receiveBuffer}, or if they would keep much more memory alive than their own.
 */
export function kept(bytes: Buffer, start = 0, end: number = bytes.length): Buffer {
  const length = end - start
  const isAlone = bytes.buffer !== receiveBuffer.buffer && 2 * length >= bytes.buffer.byteLength
  if (isAlone) return bytes.subarray(start, end)
  const copy = Buffer.allocUnsafe(length)
  bytes.copy(copy, 0, start, end)
  return copy
}
