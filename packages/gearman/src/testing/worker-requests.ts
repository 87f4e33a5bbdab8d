import { cLong, cString, cUnsigned } from './c-text.js'
import { type Handler, TOO_LONG } from './client-requests.js'
import type { Job } from './job.js'
import type { Jobs } from './jobs.js'
import { type Packet, Type } from './packets.js'
import type { Session } from './session.js'

/** A number has at most so many characters. */
const LONGEST_NUMBER = 20
const LONGEST_DENOMINATOR = 11
const LONGEST_ID = 127
/** Milliseconds. */
const SHORTEST_TIMEOUT = 1_000

const canDo: Handler = (jobs, session, { args: [name = ''] }) => register(jobs, session, name, 0)

const canDoTimeout: Handler = (jobs, session, { args: [name = '', text = ''] }) => {
  const timeout = text.length > LONGEST_NUMBER ? undefined : cLong(text)
  if (timeout === undefined) session.close()
  else register(jobs, session, name, Number(timeout))
}

function register(jobs: Jobs, session: Session, name: string, timeout: number): void {
  const fn = jobs.fn(name)
  const ability = { session, fn, timeout, jobs: [] }
  session.abilities.unshift(ability)
  fn.addAbility(ability)
}

const cantDo: Handler = (jobs, session, { args: [name = ''] }) => {
  for (const ability of [...session.abilities]) if (ability.fn.name === name) jobs.forgo(ability)
}

const resetAbilities: Handler = (jobs, session) => {
  for (const ability of [...session.abilities]) jobs.forgo(ability)
}

const preSleep: Handler = (jobs, session) => {
  if (jobs.peek(session) === undefined) session.sleep()
  else session.send(Type.NOOP)
}

const grab: Handler = (jobs, session, { type }) => {
  session.rise()
  const job = jobs.take(session)
  if (job === undefined) {
    session.send(Type.NO_JOB)
    return
  }
  const { fn, unique, reducer, workload } = job.order
  if (type === Type.GRAB_JOB) {
    session.send(Type.JOB_ASSIGN, `${job.handle}\0${fn.name}\0`, workload)
  } else {
    const isReduce = type === Type.GRAB_JOB_ALL && reducer !== ''
    const length = unique.length + 1
    // One that was too long to be stored is sent with what is stored behind it.
    const stored = `${job.unique}\0${reducer}`.padEnd(length, '\0').slice(0, length)
    const args = `${job.handle}\0${fn.name}\0${stored}`
    if (isReduce) session.send(Type.JOB_ASSIGN_ALL, `${args}${reducer}\0`, workload)
    else session.send(Type.JOB_ASSIGN_UNIQ, args, workload)
  }
  limit(jobs, session, job)
}

/** Starts the timer of a job, if its function has one. */
function limit(jobs: Jobs, session: Session, job: Job): void {
  const timeout = session.abilities.find(({ fn }) => fn === job.order.fn)?.timeout ?? 0
  if (timeout <= 0) {
    session.timer(undefined)
    return
  }
  session.timer(
    jobs.after(Math.max(timeout, SHORTEST_TIMEOUT), () => {
      if (job.ability?.session === session) jobs.queue(job)
    }),
  )
}

const workData: Handler = (jobs, session, packet) => {
  const job = jobs.get(packet.args[0] ?? '', session)
  if (job === undefined) session.error('JOB_NOT_FOUND', 'Job does not exist on server')
  else forward(job, packet)
}

const workStatus: Handler = (jobs, session, packet) => {
  const [handle = '', numerator = '', denominator = ''] = packet.args
  const job = jobs.get(handle, session)
  if (job === undefined) {
    notFound(session)
    return
  }
  job.numerator = cUnsigned(cString(numerator))
  const text = cString(denominator)
  if (text.length > LONGEST_DENOMINATOR) {
    session.close()
    return
  }
  job.denominator = cUnsigned(text.slice(0, LONGEST_DENOMINATOR - 1))
  forward(job, packet)
}

const workComplete: Handler = (jobs, session, packet) => {
  const job = jobs.get(packet.args[0] ?? '', session)
  if (job === undefined) {
    notFound(session)
    return
  }
  forward(job, packet)
  jobs.end(job)
}

const workFail: Handler = (jobs, session, packet) => {
  const { args } = packet
  if (cString(args[0] ?? '').length >= TOO_LONG) {
    const problem = 'due to GEARMAND_JOB_HANDLE_SIZE being too small from snprintf'
    session.error('ARGUMENT_TOO_LARGE', `Error occurred ${problem}`)
  } else workComplete(jobs, session, packet)
}

const workException: Handler = (jobs, session, packet) => {
  const [handle = ''] = packet.args
  const job = jobs.get(handle, session)
  if (job === undefined) {
    session.error('JOB_NOT_FOUND', 'An exception was received for a job that does not exist')
    return
  }
  for (const waiter of job.waiters) {
    if (waiter.session.exceptions) pass(waiter.session, packet)
    else waiter.session.send(Type.WORK_FAIL, `${handle}\0`)
  }
  jobs.end(job)
}

/** All who wait get it. */
function forward(job: Job, packet: Packet): void {
  for (const { session } of job.waiters) pass(session, packet)
}

function pass(session: Session, { type, layout, args, data }: Packet): void {
  const text = args.join('\0')
  if (layout.data === undefined) session.send(type, text)
  else session.send(type, `${text}\0`, data)
}

function notFound(session: Session): void {
  session.error('JOB_NOT_FOUND', 'Job given in work result not found')
}

const setId: Handler = (_jobs, session, { args: [id = ''] }) => {
  session.id = cString(id.slice(0, LONGEST_ID))
}

/** What workers ask and say, by the number of the packet. */
export const WORKER_REQUESTS: readonly (readonly [number, Handler])[] = [
  [Type.CAN_DO, canDo],
  [Type.CAN_DO_TIMEOUT, canDoTimeout],
  [Type.CANT_DO, cantDo],
  [Type.RESET_ABILITIES, resetAbilities],
  [Type.PRE_SLEEP, preSleep],
  [Type.GRAB_JOB, grab],
  [Type.GRAB_JOB_UNIQ, grab],
  [Type.GRAB_JOB_ALL, grab],
  [Type.WORK_DATA, workData],
  [Type.WORK_WARNING, workData],
  [Type.WORK_STATUS, workStatus],
  [Type.WORK_COMPLETE, workComplete],
  [Type.WORK_FAIL, workFail],
  [Type.WORK_EXCEPTION, workException],
  [Type.SET_CLIENT_ID, setId],
]
