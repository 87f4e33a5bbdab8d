import type { Action, JobPlan, NodePlan, Program } from './program.js'

/** A program for people: a line for each that takes part, and for each step. */
export const print = ({ servers, proxies, clients, workers, steps }: Program): string => {
  const lines = [
    ...servers.map(
      ({ persistent }, index) => `server ${index}${persistent ? ', -q libsqlite3' : ''}`,
    ),
    ...proxies.map(({ server }, index) => `proxy ${index} of server ${server}`),
    ...clients.map((plan, index) => `client ${index}: ${node(plan)}`),
    ...workers.map((plan, index) => {
      const kind = plan.process ? ', a process' : ''
      return `worker ${index}: ${node(plan)}, concurrency ${plan.concurrency}${kind}`
    }),
    ...steps.map((step) => `${step.at} ms: ${action(step)}`),
  ]
  return lines.map((line) => `  ${line}`).join('\n')
}

const node = ({ ways, timeout, connectTimeout, heartbeat }: NodePlan): string => {
  const routes = ways.map((way, server) =>
    typeof way === 'number' ? `server ${server} by proxy ${way}` : `server ${server} ${way}`,
  )
  return `${routes.join(', ')}; timeout ${timeout}, connectTimeout ${connectTimeout}, heartbeat ${heartbeat}`
}

const action = (step: Action): string => {
  switch (step.kind) {
    case 'call': {
      const limit = step.timeout === undefined ? '' : `, timeout ${step.timeout}`
      const retries = step.retries === 0 ? '' : `, retries ${step.retries}`
      return `client ${step.client} ${step.method} ${step.jobs.map(job).join('; ')}${limit}${retries}`
    }
    case 'ask':
      return `client ${step.client} ${step.how}${step.how === 'ping' ? '' : ` of job ${step.job}`}`
    case 'fault':
      return `proxy ${step.proxy} ${step.fault} ${step.amount}, ${step.direction}, for ${step.lasts} ms`
    case 'kill':
    case 'freeze':
      return `${step.kind} server ${step.server} for ${step.lasts} ms`
    case 'close':
      return `close client ${step.client}`
    default: {
      const limit = step.timeout === undefined ? '' : ` within ${step.timeout} ms`
      return `${step.kind} worker ${step.worker}${limit}, the next after ${step.lasts} ms`
    }
  }
}

const job = ({ id, fn, unique, size, work }: JobPlan): string => {
  const { takes, data, status, warnings, bytes, ends } = work
  const parts =
    data + status + warnings === 0 ? '' : `, ${data} data ${status} status ${warnings} warnings`
  return `job ${id} ${fn}${unique === undefined ? '' : ` ${unique}`} (${size} B; ${takes} ms${parts}, ${bytes} B, ${ends})`
}
