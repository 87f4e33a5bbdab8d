import fc from 'fast-check'
import { expect, test } from 'vitest'
import { takeContext, withContext } from './trace-context.js'

const bytes = (data: string | Uint8Array): Buffer => Buffer.from(data as Uint8Array)

test('a context comes off as it was put on, and the workload is untouched', () => {
  const contexts = fc.dictionary(fc.string(), fc.string({ unit: 'binary' }))
  const workloads = fc.oneof(fc.uint8Array(), fc.string())
  fc.assert(
    fc.property(contexts, workloads, (context, data) => {
      const taken = takeContext(bytes(withContext(context, data)))
      expect({ ...taken.context }).toEqual({ ...context })
      expect(taken.workload.equals(bytes(data))).toBe(true)
    }),
  )
})

test('a workload without a context is left as it is', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (data) => {
      const workload = Buffer.from(data)
      expect(takeContext(workload)).toEqual({ context: undefined, workload })
    }),
  )
  for (const text of [
    '\0glammp.context\0',
    '\0glammp.context\0{}',
    '\0glammp.context\0{"a":1}\0x',
  ]) {
    const workload = Buffer.from(text)
    expect(takeContext(workload)).toEqual({ context: undefined, workload })
  }
})
