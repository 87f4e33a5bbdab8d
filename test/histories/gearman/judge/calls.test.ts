import { describe, expect, it } from 'vitest'
import type { Asked, Call, Trouble } from '../history.js'
import { STEPS } from '../play/message.js'
import {
  background,
  call,
  departure,
  failed,
  job,
  judged,
  PROXY,
  RIGHT,
  run,
  server,
  trouble,
  wrong,
} from './made.js'

describe('a call that fails', () => {
  const runs = [run({ ended: undefined, how: undefined })]
  const ending = (made: Partial<Call>, troubles: Trouble[] = []): readonly string[] =>
    judged({ calls: [call(made)], runs, troubles })

  it('does so with an error of the package', () => {
    const near = [trouble(server(0), 150)]
    expect(ending(failed('CONNECTION'), near)).toEqual(RIGHT)
    expect(ending(failed('CONNECTION', { own: false }), near)).toEqual(
      wrong('ERR_GEARMAN_CONNECTION'),
    )
    expect(ending(failed('PROTOCOL'), near)).toEqual(wrong('ERR_GEARMAN_PROTOCOL'))
    expect(ending(failed('CONNECTION', { server: undefined }), near)).toEqual(
      wrong('names no server'),
    )
  })

  it('has a reason', () => {
    expect(ending(failed('CONNECTION'))).toEqual(wrong('nothing had happened'))
    expect(ending(failed('TIMEOUT'))).toEqual(wrong('nothing had happened'))
    expect(ending(failed('CONNECTION'), [trouble(PROXY, 150)])).toEqual(
      wrong('nothing had happened'),
    )
    expect(ending({ client: 1, ...failed('CONNECTION') }, [trouble(PROXY, 150)])).toEqual(RIGHT)
    expect(ending(failed('CLOSED'))).toEqual(wrong('its client was open'))
    const left = [departure({ who: 'client', begun: 190, ended: 200 })]
    expect(judged({ calls: [call(failed('CLOSED'))], runs, departures: left })).toEqual(RIGHT)
    const one = [trouble(server(0), 150)]
    expect(ending(failed('NO_SERVER'), one)).toEqual(wrong('nothing had happened to server 1'))
    expect(ending(failed('NO_SERVER'), [...one, trouble(server(1), 100)])).toEqual(RIGHT)
  })

  it('does not miss a result that was there', () => {
    const late = call({
      ended: 1_100,
      timeout: 1_000,
      ...failed('TIMEOUT', { message: 'no result within 1000 ms' }),
    })
    expect(judged({ calls: [late], runs: [run()] })).toEqual(wrong('run 1 was done 950 ms before'))
    expect(judged({ calls: [late], runs: [run({ ended: 1_090 })] })).toEqual(RIGHT)
    expect(judged({ calls: [late], runs: [run()], troubles: [trouble(server(0), 150)] })).toEqual(
      RIGHT,
    )
  })

  it('does so in its time', () => {
    const late = call({ ended: 1_100, timeout: 500 })
    expect(judged({ calls: [late], runs: [run()] })).toEqual(wrong('took 1000 ms where 800 ms'))
    expect(judged({ calls: [late], runs: [run()], busy: () => 300 })).toEqual(RIGHT)
    const acknowledged = background({ ended: 1_200 })
    expect(judged({ calls: [acknowledged], runs: [run()] })).toEqual(
      wrong('took 1100 ms where 900 ms'),
    )
    expect(
      judged({ calls: [acknowledged], runs: [run()], troubles: [trouble(server(0), 150, 600)] }),
    ).toEqual(RIGHT)
  })
})

describe('a question', () => {
  const asked = (made: Partial<Asked> = {}): Asked => ({
    client: 0,
    life: 0,
    how: 'jobStatus',
    job: 1,
    handle: 'a:1//H:1',
    begun: 210,
    ended: 220,
    failure: undefined,
    answer: { known: true, running: true, numerator: STEPS, denominator: 1 },
    ...made,
  })
  const calls = [background(), background({ job: job(2), handle: 'a:1//H:2' })]
  const runs = [run({ ended: 900 }), run({ run: 2, job: 2, handle: 'a:1//H:2' })]
  const other = asked({
    answer: { known: true, running: true, numerator: 2 * STEPS, denominator: 2 },
  })
  const unknown = asked({ answer: { known: false, running: false, numerator: 0, denominator: 0 } })

  it('is answered about its own job', () => {
    expect(judged({ calls, runs, asked: [asked()] })).toEqual(RIGHT)
    expect(judged({ calls, runs, asked: [other] })).toEqual(wrong('was that of job 2'))
    expect(judged({ calls, runs, asked: [unknown] })).toEqual(wrong('unknown, though'))
    expect(
      judged({ calls, runs, asked: [asked({ ended: undefined, answer: undefined })] }),
    ).toEqual(wrong('never ended'))
  })

  it('by a handle may be answered about another one after a restart, by a unique not', () => {
    const troubles = [trouble(server(0, true), 205)]
    expect(judged({ calls, runs, asked: [other], troubles })).toEqual(RIGHT)
    const byUnique = { ...other, how: 'jobStatusByUnique' } as const
    expect(judged({ calls, runs, asked: [byUnique], troubles })).toEqual(wrong('was that of job 2'))
  })
})

describe('in the end', () => {
  it('everybody has left in time', () => {
    expect(judged({ departures: [departure({ ended: undefined })] })).toEqual(wrong('never ended'))
    expect(judged({ departures: [departure({ ended: 9_000 })] })).toEqual(
      wrong('the close of worker 0 took'),
    )
    expect(judged({ departures: [departure({ failure: 'exit code 1' })] })).toEqual(
      wrong('exit code 1'),
    )
  })

  it('all work, and nothing is unhandled', () => {
    const deaf = { what: 'worker 0 takes a job', failure: 'no result', took: 10_000 }
    expect(judged({ proofs: [deaf] })).toEqual(wrong('worker 0 takes a job: no result'))
    expect(judged({ unhandled: ['an unhandled rejection'] })).toEqual(wrong('rejection'))
  })
})
