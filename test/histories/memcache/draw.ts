import type { MemcacheOptions } from '@glammp/memcache'
import type { Random } from '../random.js'
import type { ClientPlan, Family, Fault, FaultKind, Op, Path, Program, Step } from './program.js'

type Weights<Name extends string> = Readonly<Partial<Record<Name, number>>>

const READS: Weights<Op> = { get: 6, gets: 1, getAndTouch: 1, getMany: 3, touch: 1 }
const WRITES: Weights<Op> = { set: 4, add: 2, replace: 1, swap: 3, setMany: 2 }
const REMOVALS: Weights<Op> = { delete: 2, deleteMany: 1 }

const OPS: Readonly<Record<Family, Weights<Op>>> = {
  text: { ...READS, ...WRITES, ...REMOVALS },
  big: { ...READS, ...WRITES, ...REMOVALS },
  number: { get: 3, set: 1, increment: 5, decrement: 2, create: 2, delete: 1, getMany: 1 },
  wrapped: { wrap: 10, wrapMany: 2, get: 2, set: 2, delete: 2, touch: 1, invalidate: 2 },
  tagged: { wrap: 10, wrapMany: 2, get: 2, set: 1, delete: 1, invalidateTag: 2 },
}

const FAMILIES: Weights<Family> = { text: 4, number: 2, wrapped: 3, tagged: 1 }

const NETWORK: Weights<FaultKind> = {
  delay: 3,
  stall: 3,
  stallAnswers: 2,
  stallRequests: 2,
  reset: 3,
  end: 1,
  halfClose: 2,
  cutRequests: 2,
  cutAnswers: 2,
  drip: 1,
  bandwidth: 1,
  blackHole: 1,
  refuse: 1,
}

const MACHINE: Weights<FaultKind> = { kill: 2, freeze: 3 }

/** What all clients of a program share, so that they may share items. */
interface Common {
  readonly random: Random
  readonly keys: Readonly<Partial<Record<Family, readonly string[]>>>
  readonly large: boolean
  readonly appends: boolean
}

const drawOps = (family: Family, { appends }: Common): Weights<Op> =>
  family === 'text' && appends ? { ...OPS.text, append: 2, prepend: 1 } : OPS[family]

const drawStep = (common: Common, pace: number): Step => {
  const { random, keys, appends } = common
  const family = random.pick(Object.keys(keys) as Family[])
  const all = keys[family] ?? []
  const op = random.weighted(drawOps(family, common))
  const several = op.endsWith('Many')
  const chosen = several ? all.filter(() => random.chance(0.7)) : [random.pick(all)]
  const sizes: Record<Family, () => number> = {
    text: () => (appends ? 0 : random.pick([0, 10, 300, 5_000])),
    // A piece holds 512 bytes less than the 2 KB of maxValueSize: up to ten of them.
    big: () => random.pick([100, 2_000, 6_000, 15_000]),
    number: () => random.between(0, 20),
    wrapped: () => random.pick([0, 1, 5, 30]),
    tagged: () => random.pick([0, 1, 5, 30]),
  }
  return {
    op,
    keys: chosen.length === 0 ? [random.pick(all)] : chosen,
    rest: random.chance(0.3) ? 0 : random.between(0, 2 * pace),
    size: sizes[family](),
    abort: random.chance(0.03) ? random.between(1, 40) : 0,
  }
}

const drawOptions = (common: Common, shared: MemcacheOptions): MemcacheOptions => {
  const { random, appends, large } = common
  return {
    ...shared,
    protocol: random.pick(['auto', 'auto', 'meta', 'classic', 'binary']),
    timeout: random.pick([80, 80, 150, 300]),
    connectTimeout: random.pick([60, 200]),
    retries: random.pick([0, 1, 1, 2]),
    pool: { max: random.pick([1, 2, 2, 4]) },
    ...(!appends && random.chance(0.3)
      ? { compression: { threshold: random.pick([100, 1_000]) } }
      : {}),
    ...(large ? { largeValues: 'chunk' as const, maxValueSize: 2_048 } : {}),
    ...(random.chance(0.2) ? { ejection: { failures: 2, cooldown: 100 } } : {}),
  }
}

const drawFault = (random: Random, program: Omit<Program, 'faults'>, length: number): Fault => {
  const kind = random.weighted(program.path === 'direct' || random.chance(0.25) ? MACHINE : NETWORK)
  const amounts: Partial<Record<FaultKind, () => number>> = {
    delay: () => random.pick([2, 10, 30, 70, 120]),
    cutRequests: () => random.pick([1, 10, 40, 200, 3_000]),
    cutAnswers: () => random.pick([1, 10, 40, 200, 3_000]),
    bandwidth: () => random.pick([1, 10, 100]),
    halfClose: () => random.between(0, 1),
  }
  return {
    kind,
    server: random.between(0, program.servers + program.gutter - 1),
    client: random.between(0, program.clients.length - 1),
    at: random.between(0, length),
    lasts: random.pick([20, 60, 100, 200, 400]),
    amount: amounts[kind]?.() ?? 0,
  }
}

/** Draws a program that takes about a second or two. */
export const drawProgram = (random: Random): Program => {
  const large = random.chance(0.3)
  const names = (family: Family, count: number) => random.times(count, (at) => `${family}:${at}`)
  const families = new Set(random.times(random.between(1, 3), () => random.weighted(FAMILIES)))
  const keys: Partial<Record<Family, string[]>> = large ? { big: names('big', 2) } : {}
  for (const family of families) keys[family] = names(family, random.between(2, 4))
  const common = { random, keys, large, appends: !large && random.chance(0.4) }

  const servers = random.between(1, 4)
  const failover = random.weighted({ none: 7, next: 2, gutter: 1 })
  const gutter = failover === 'gutter' ? random.between(1, 2) : 0
  const path: Path = random.weighted({ direct: 1, shared: 3, own: 3 })
  const clients = random.between(2, 6)
  const callers = random.between(1, 4)
  const steps = Math.min(40, Math.ceil(random.between(120, 300) / (clients * callers)))
  const pace = random.pick([3, 10, 25])
  const shared: MemcacheOptions = {
    ...(failover === 'next' ? { failover } : {}),
    // Each has proxies of its own at other ports: only the place in the list may count.
    ...(path === 'own' ? { distribution: 'modula' as const } : {}),
  }
  const length = steps * (pace + 3)
  const plan = (): ClientPlan => ({
    options: drawOptions(common, shared),
    callers: random.times(callers, () => random.times(steps, () => drawStep(common, pace))),
    closed: random.chance(0.05) ? random.between(1, length) : 0,
  })
  const closesInFaults = random.chance(0.2)
  const rest = { servers, gutter, path, clients: random.times(clients, plan), closesInFaults }
  const faults = random.times(random.between(0, 12), () => drawFault(random, rest, length))
  return { ...rest, faults: faults.sort((one, other) => one.at - other.at) }
}
