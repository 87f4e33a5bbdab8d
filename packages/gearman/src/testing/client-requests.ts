import { asciiLower, cLong, cString } from './c-text.js'
import type { Job, Order, Priority } from './job.js'
import type { Jobs } from './jobs.js'
import { type Packet, Type } from './packets.js'
import type { Session } from './session.js'

/** Answers a packet. */
export type Handler = (jobs: Jobs, session: Session, packet: Packet) => void

/** The longest unique id is shorter than this, and so is the longest handle. */
export const TOO_LONG = 64

type Submission = Omit<Order, 'fn' | 'when' | 'reducer'> &
  Partial<Pick<Order, 'when' | 'reducer'>> & { readonly fn: string }

const submit = (priority: Priority, background: boolean): Handler => {
  return (jobs, session, { args: [fn = '', unique = ''], data: workload }) =>
    accept(jobs, session, { fn, unique, workload, priority, background })
}

/** REDUCE looks at the length of another argument than it means. */
const submitReduce = (background: boolean): Handler => {
  return (jobs, session, { args: [fn = '', unique = '', reducer = ''], data: workload }) => {
    const order = { fn, unique, workload, priority: 'normal', background } as const
    accept(jobs, session, { ...order, reducer }, reducer)
  }
}

const submitEpoch: Handler = (jobs, session, { args: [fn = '', unique = '', time = ''], data }) => {
  const when = cLong(time)
  if (when === undefined) {
    session.close()
    return
  }
  const order = { fn, unique, workload: data, priority: 'normal' } as const
  accept(jobs, session, { ...order, background: true, when: Number(when) })
}

function accept(jobs: Jobs, session: Session, given: Submission, limited = given.unique): void {
  if (limited.length > TOO_LONG) {
    session.error('ARGUMENT_TOO_LARGE', 'Unique value too large')
    return
  }
  const order = { when: 0, reducer: '', ...given, fn: jobs.fn(given.fn) }
  const job = jobs.submit(order, order.background ? undefined : session)
  if (job === undefined) session.error('QUEUE_ERROR', 'Job queue is full')
  else session.send(Type.JOB_CREATED, job.handle)
}

/** Whether it is known, whether it runs, and how far it is. */
function statusOf(job: Job | undefined): readonly number[] {
  if (job === undefined) return [0, 0, 0, 0]
  return [1, job.ability === undefined ? 0 : 1, job.numerator, job.denominator]
}

/** Answers for the name of a job, unless it is too long for one. */
const answersName = (answer: (jobs: Jobs, session: Session, name: string) => void): Handler => {
  return (jobs, session, { args: [given = ''] }) => {
    const name = cString(given)
    if (name.length >= TOO_LONG) session.close()
    else answer(jobs, session, name)
  }
}

const getStatus = answersName((jobs, session, name) => {
  session.send(Type.STATUS_RES, [name, ...statusOf(jobs.get(name))].join('\0'))
})

const getStatusUnique = answersName((jobs, session, name) => {
  const job = jobs.getUnique(name)
  const status = [...statusOf(job), job?.waiters.size ?? 0]
  session.send(Type.STATUS_RES_UNIQUE, [name, ...status].join('\0'))
})

const setOption: Handler = (_jobs, session, { args: [option = ''] }) => {
  if (asciiLower(cString(option)) !== 'exceptions') {
    session.error('UNKNOWN_OPTION', 'Server does not recognize given option')
    return
  }
  session.exceptions = true
  session.send(Type.OPTION_RES, option)
}

const echo: Handler = (_jobs, session, { data }) => session.send(Type.ECHO_RES, '', data)

/** What clients ask, by the number of the packet. */
export const CLIENT_REQUESTS: readonly (readonly [number, Handler])[] = [
  [Type.SUBMIT_JOB, submit('normal', false)],
  [Type.SUBMIT_JOB_HIGH, submit('high', false)],
  [Type.SUBMIT_JOB_LOW, submit('low', false)],
  [Type.SUBMIT_JOB_BG, submit('normal', true)],
  [Type.SUBMIT_JOB_HIGH_BG, submit('high', true)],
  [Type.SUBMIT_JOB_LOW_BG, submit('low', true)],
  [Type.SUBMIT_JOB_EPOCH, submitEpoch],
  [Type.SUBMIT_REDUCE_JOB, submitReduce(false)],
  [Type.SUBMIT_REDUCE_JOB_BACKGROUND, submitReduce(true)],
  [Type.GET_STATUS, getStatus],
  [Type.GET_STATUS_UNIQUE, getStatusUnique],
  [Type.OPTION_REQ, setOption],
  [Type.ECHO_REQ, echo],
]
