import { afterEach, expect, test, vi } from 'vitest'
import { InvalidArgumentError } from '../errors.js'
import { resolveSettings } from '../options.js'
import { PacketType } from '../protocol/packet.js'
import { JobOrders, type Schedule } from './job-order.js'

const orders = new JobOrders(resolveSettings({ servers: 'a', namespace: 'ns:' }))

afterEach(() => {
  vi.useRealTimers()
})

test('each priority and class has its packet', () => {
  const type = (options: Parameters<JobOrders['build']>[2]): number =>
    orders.build('f', 'x', options).order.type
  expect(type({})).toBe(PacketType.SUBMIT_JOB)
  expect(type({ priority: 'high' })).toBe(PacketType.SUBMIT_JOB_HIGH)
  expect(type({ priority: 'low' })).toBe(PacketType.SUBMIT_JOB_LOW)
  expect(type({ background: true })).toBe(PacketType.SUBMIT_JOB_BG)
  expect(type({ background: true, priority: 'high' })).toBe(PacketType.SUBMIT_JOB_HIGH_BG)
  expect(type({ background: true, priority: 'low' })).toBe(PacketType.SUBMIT_JOB_LOW_BG)
})

test('a foreground job has no id of its own, a background job a UUID', () => {
  expect(orders.build('f', 'x').order.args).toBe('ns:f\0')
  const { args } = orders.build('f', 'x', { background: true }).order
  expect(args).toMatch(/^ns:f\0[0-9a-f-]{36}$/)
})

test('only ids that callers gave decide on the server; for "-" the workload does', () => {
  expect(orders.build('f', 'x', { background: true }).order.key).toBeUndefined()
  const key = (unique: string, workload: string | Buffer): string | undefined =>
    orders.build('f', workload, { unique }).order.key
  expect(key('u', 'x')).toBe(key('u', 'y'))
  expect(key('-', 'é')).toBe(key('-', Buffer.from('é')))
  expect(key('-', 'x')).not.toBe(key('-', 'y'))
})

test('a schedule is whole seconds, rounded up', () => {
  vi.useFakeTimers({ now: 1_000_400 })
  const seconds = (schedule: Schedule): string | undefined =>
    orders.build('f', 'x', {}, { schedule }).order.args.split('\0')[2]
  expect(seconds({ at: 5_000 })).toBe('5')
  expect(seconds({ at: new Date(5_001) })).toBe('6')
  expect(seconds({ delay: 0 })).toBe('1001')
  expect(seconds({ delay: 601 })).toBe('1002')
  expect(orders.build('f', 'x', {}, { schedule: { delay: 1 } }).order.type).toBe(
    PacketType.SUBMIT_JOB_EPOCH,
  )
})

test('a workload over 4 GiB is refused', () => {
  class Huge extends Uint8Array<ArrayBuffer> {
    override get length(): number {
      return 2 ** 32
    }
  }
  expect(() => orders.build('f', new Huge(new ArrayBuffer(0)))).toThrow(InvalidArgumentError)
})

test('servers come from the option, then the environment, then localhost', () => {
  const names = (servers: string | undefined): string[] =>
    resolveSettings({ servers }).servers.map((server) => server.name)
  vi.stubEnv('GEARMAN_SERVERS', 'b:1, c')
  expect(names('a')).toEqual(['a:4730'])
  expect(names(undefined)).toEqual(['b:1', 'c:4730'])
  vi.stubEnv('GEARMAN_SERVERS', ' ')
  expect(names(undefined)).toEqual(['localhost:4730'])
  vi.unstubAllEnvs()
})
