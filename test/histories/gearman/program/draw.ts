import type { Random } from '../../random.js'
import {
  type Action,
  BACKGROUND,
  type CallAction,
  type FaultAction,
  type FaultName,
  type JobPlan,
  type Method,
  type NodePlan,
  type Program,
  type ServerPlan,
  type Step,
  type Way,
  type Work,
  type WorkerPlan,
} from './program.js'

/** The functions that every worker serves. */
export const FUNCTIONS = ['f0', 'f1', 'f2'] as const

const CALLS: Readonly<Record<Method, number>> = {
  do: 5,
  doHigh: 1,
  doLow: 1,
  submit: 4,
  loop: 1,
  runTasks: 2,
  doBackground: 4,
  doHighBackground: 1,
  doLowBackground: 1,
}

const FAULTS: Readonly<Record<FaultName, number>> = {
  delay: 2,
  stall: 3,
  'black hole': 2,
  reset: 3,
  'half-close': 2,
  'cut at byte': 3,
  drip: 1,
  bandwidth: 2,
  refuse: 1,
}

/** Draws a program: about two seconds of calls and of what disturbs them. */
export const draw = (random: Random): Program => {
  const servers = random.times(
    random.weighted({ 1: 3, 2: 4, 3: 2 }) === '1' ? 1 : random.between(2, 3),
    () => ({
      persistent: random.chance(0.5),
    }),
  )
  const proxies = random.times(random.between(1, 2 * servers.length), () => ({
    server: random.between(0, servers.length - 1),
  }))
  const way = (server: number): Way => {
    const own = proxies.flatMap((proxy, index) => (proxy.server === server ? [index] : []))
    return own.length > 0 && random.chance(0.7) ? random.pick(own) : 'direct'
  }
  const node = (): NodePlan => ({
    ways: servers.map((_, server) => way(server)),
    timeout: random.pick([600, 1_000, 1_500]),
    connectTimeout: random.pick([200, 400]),
    heartbeat: random.pick([200, 400, 400, false]),
  })
  const clients = random.times(random.between(1, 4), node)
  const killable = random.chance(0.4)
  const workers: WorkerPlan[] = random.times(random.between(1, 4), (index) => ({
    ...node(),
    process: killable && index < 2,
    concurrency: random.between(1, 6),
  }))
  const length = random.between(800, 2_500)
  const calls = drawCalls(random, clients.length)
  // Nothing goes wrong in one of eight.
  const quiet = random.chance(0.125)
  const disturbances = quiet ? [] : drawDisturbances(random, { servers, proxies, clients, workers })
  const steps = [...calls, ...disturbances]
    .map((action): Step => ({ at: random.between(0, length), ...action }))
    .sort((one, other) => one.at - other.at)
  return { servers, proxies, clients, workers, steps }
}

const drawCalls = (random: Random, clients: number): Action[] => {
  let id = 0
  const groups = random.times(3, (group) => ({
    fn: random.pick(FUNCTIONS),
    unique: `group-${group}`,
    background: random.chance(0.3),
  }))
  const backgrounds: number[] = []
  const job = (method: Method): JobPlan => {
    id += 1
    const isBackground = (BACKGROUND as readonly string[]).includes(method)
    if (isBackground) backgrounds.push(id)
    // Foreground and background jobs of one id never meet: gearmand drops the second then.
    const group = random.chance(0.15)
      ? groups.find(({ background }) => background === isBackground)
      : undefined
    return {
      id,
      fn: group?.fn ?? random.pick(FUNCTIONS),
      unique: group?.unique ?? (isBackground ? `job-${id}` : undefined),
      size: sizeOf(random),
      work: drawWork(random),
    }
  }
  const call = (): CallAction => {
    const method = random.weighted(CALLS)
    const count = method === 'runTasks' ? random.between(1, 8) : 1
    const jobs = random.times(count, () => job(method))
    // gearmand drops jobs of one id that somebody has joined: a caller that sets no limit may wait for ever.
    const isLimited = random.chance(0.6) || jobs.some(({ unique }) => unique?.startsWith('group'))
    return {
      kind: 'call',
      client: random.between(0, clients - 1),
      method,
      jobs,
      timeout: isLimited ? random.between(200, 3_000) : undefined,
      retries: random.chance(0.2) ? random.between(1, 3) : 0,
    }
  }
  const calls: Action[] = random.times(random.between(10, 80), call)
  const asks: Action[] = random.times(random.between(0, 12), () => ({
    kind: 'ask',
    client: random.between(0, clients - 1),
    how:
      backgrounds.length === 0
        ? 'ping'
        : random.weighted({ jobStatus: 3, jobStatusByUnique: 2, ping: 1 }),
    job: backgrounds.length === 0 ? 0 : random.pick(backgrounds),
  }))
  return [...calls, ...asks]
}

const drawWork = (random: Random): Work => {
  const talks = random.chance(0.4)
  const count = (): number => (talks ? random.between(0, 6) : 0)
  return {
    takes: random.chance(0.3) ? 0 : random.between(1, random.chance(0.1) ? 600 : 120),
    data: count(),
    status: count(),
    warnings: count(),
    bytes: talks ? random.between(0, 2_000) : sizeOf(random),
    ends: random.weighted({ complete: 12, exception: 1, fail: 1 }),
  }
}

/** Bytes: most are small, some are as large as the line holds for a while. */
const sizeOf = (random: Random): number =>
  random.weighted({ small: 6, middle: 2, large: 1 }) === 'small'
    ? random.between(0, 300)
    : random.between(0, random.chance(0.6) ? 20_000 : 200_000)

const drawDisturbances = (
  random: Random,
  { servers, proxies, clients, workers }: Omit<Program, 'steps'>,
): Action[] => {
  const server = (): number => random.between(0, (servers as readonly ServerPlan[]).length - 1)
  const worker = (): number => random.between(0, workers.length - 1)
  const one = (): Action => {
    const kind = random.weighted({ fault: 10, kill: 2, freeze: 2, shoot: 2, drain: 2, close: 1 })
    switch (kind) {
      case 'fault':
        return drawFault(random, random.between(0, proxies.length - 1))
      case 'kill':
        return { kind, server: server(), lasts: random.between(0, 400) }
      case 'freeze':
        return { kind, server: server(), lasts: random.between(50, 2_000) }
      case 'close':
        return { kind, client: random.between(0, clients.length - 1) }
      default: {
        const timeout = kind === 'drain' && random.chance(0.3) ? random.between(1, 100) : undefined
        return { kind, worker: worker(), lasts: random.between(0, 500), timeout }
      }
    }
  }
  return random.times(random.between(1, 7), one)
}

const drawFault = (random: Random, proxy: number): FaultAction => {
  const fault = random.weighted(FAULTS)
  const amounts: Readonly<Record<FaultName, number>> = {
    delay: random.between(10, 400),
    'cut at byte': random.chance(0.5) ? random.between(1, 500) : random.between(1, 200_000),
    drip: random.between(100, 400),
    bandwidth: random.between(50, 1_000),
    stall: 0,
    'black hole': 0,
    reset: 0,
    'half-close': 0,
    refuse: 0,
  }
  const isMoment = fault === 'reset' || fault === 'half-close'
  return {
    kind: 'fault',
    proxy,
    fault,
    direction: random.pick(['toServer', 'toClient', 'both']),
    lasts: isMoment ? 0 : random.between(50, 2_500),
    amount: amounts[fault],
  }
}
