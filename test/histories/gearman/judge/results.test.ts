import { describe, expect, it } from 'vitest'
import type { Call, History, Seen } from '../history.js'
import { thrownText } from '../play/message.js'
import { call, failed, job, judged, RIGHT, run, server, trouble, wrong } from './made.js'

describe('a foreground job', () => {
  it('has the result of its run', () => {
    expect(judged({ calls: [call()], runs: [run()] })).toEqual(RIGHT)
  })

  it('ends', () => {
    const calls = [call({ ended: undefined, outcome: undefined })]
    expect(judged({ calls, runs: [run()] })).toEqual(wrong('never ended'))
  })

  it('has no other result', () => {
    const two = [run(), run({ run: 2, job: 2, handle: 'a:1//H:2' })]
    const other = call({ job: job(2), outcome: { kind: 'result', job: 1, run: 1 } })
    expect(judged({ calls: [call(), other], runs: two })).toEqual(wrong('the result of job 1'))
    const garbage = call({ outcome: { kind: 'garbage' } })
    expect(judged({ calls: [garbage], runs: [run()] })).toEqual(wrong('nobody sent'))
    const failing = [run({ how: 'fail' })]
    expect(judged({ calls: [call()], runs: failing })).toEqual(wrong('which sent none'))
    expect(judged({ calls: [call()], runs: [run({ run: 2 })] })).toEqual(wrong('which sent none'))
  })

  it('fails as its run did', () => {
    const fails = [call(failed('JOB_FAILED'))]
    expect(judged({ calls: fails, runs: [run({ how: 'fail' })] })).toEqual(RIGHT)
    expect(judged({ calls: fails, runs: [run()] })).toEqual(wrong('none of its runs did'))
    const throws = [call(failed('JOB_EXCEPTION', { thrown: thrownText(1, 1) }))]
    expect(judged({ calls: throws, runs: [run({ how: 'exception' })] })).toEqual(RIGHT)
    const other = [call(failed('JOB_EXCEPTION', { thrown: thrownText(2, 1) }))]
    expect(judged({ calls: other, runs: [run({ how: 'exception' })] })).toEqual(
      wrong('the exception of none of its runs'),
    )
  })

  it('tells its end once, and nothing after it', () => {
    const ending = (...seen: Seen[]): Partial<History> => ({
      calls: [call({ method: 'submit', job: job(1, { data: 1 }), seen })],
      runs: [run()],
    })
    const data: Seen = { what: 'data', job: 1, run: 1, index: 0 }
    const end: Seen = { what: 'end' }
    expect(judged(ending(data, end))).toEqual(RIGHT)
    expect(judged(ending(data))).toEqual(wrong('told its end 0 times'))
    expect(judged(ending(data, end, end))).toEqual(wrong('told its end 2 times'))
    expect(judged(ending(end, data))).toEqual(wrong('told more after its end'))
  })
})

describe('what a job sends', () => {
  const part = (index: number, made: Partial<Extract<Seen, { run: number }>> = {}): Seen => ({
    what: 'data',
    job: 1,
    run: 1,
    index,
    ...made,
  })
  const seeing = (seen: Seen[], made: Partial<Call> = {}): Partial<History> => ({
    calls: [call({ job: job(1, { data: 2, status: 1 }), seen, ...made })],
    runs: [run()],
  })
  const status = part(0, { what: 'status' })

  it('is seen in order, all of it before the result', () => {
    expect(judged(seeing([status, part(0), part(1)]))).toEqual(RIGHT)
    expect(judged(seeing([status, part(1), part(0)]))).toContainEqual(
      expect.stringContaining('saw data 1 of run 1 where 0 was due'),
    )
    expect(judged(seeing([status, part(0), part(0), part(1)]))).toContainEqual(
      expect.stringContaining('saw data 0 of run 1 where 1 was due'),
    )
    expect(judged(seeing([status, part(0)]))).toEqual(wrong('saw 1 of 2 data'))
    expect(judged(seeing([part(0), part(1)]))).toEqual(wrong('saw 0 of 1 status'))
  })

  it('is of its own job, and of one run after the other', () => {
    expect(judged(seeing([status, part(0), part(1), part(0, { job: 2 })]))).toContainEqual(
      expect.stringContaining('saw data of job 2'),
    )
    expect(judged(seeing([{ what: 'garbage' }, status, part(0), part(1)]))).toEqual(
      wrong('bytes that nobody sent'),
    )
    const first = part(0, { run: 7 })
    expect(judged(seeing([first, status, part(0), part(1)]))).toEqual(RIGHT)
    expect(judged(seeing([status, part(0), first, part(1)]))).toEqual(wrong('several runs mixed'))
  })
})

describe('jobs of one unique', () => {
  const twin = (id: number, made: Partial<Call> = {}): Call =>
    call({ job: job(id, {}, 'u'), outcome: { kind: 'result', job: 1, run: 1 }, ...made })

  it('may have one result', () => {
    expect(judged({ calls: [twin(1), twin(2)], runs: [run()] })).toEqual(RIGHT)
  })

  it('have the same result where they have the same handle', () => {
    const handle = 'a:1//H:1'
    const calls = [
      twin(1, { handle }),
      twin(2, { handle, outcome: { kind: 'result', job: 2, run: 2 } }),
    ]
    const runs = [run(), run({ run: 2, job: 2, handle: 'a:1//H:2' })]
    expect(judged({ calls, runs })).toEqual(wrong('share a handle, but not their result'))
    const killed = [trouble(server(0, true), 160)]
    expect(judged({ calls, runs, troubles: killed })).toEqual(RIGHT)
  })
})
