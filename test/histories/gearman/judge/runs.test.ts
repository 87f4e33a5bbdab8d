import { describe, expect, it } from 'vitest'
import type { Place, Run, Trouble } from '../history.js'
import {
  background,
  call,
  departure,
  job,
  judged,
  PROXY,
  RIGHT,
  run,
  server,
  trouble,
  wrong,
} from './made.js'

describe('a job that is run twice', () => {
  const runs = [
    run({ ended: undefined, how: undefined }),
    run({ run: 2, worker: 1, begun: 300, ended: 310 }),
  ]
  const result = { outcome: { kind: 'result', job: 1, run: 2 }, ended: 320 } as const

  it('was taken from who had it', () => {
    const at = (place: Place): readonly string[] =>
      judged({ calls: [call(result)], runs, troubles: [trouble(place, 200)] })
    expect(at(server(0))).toEqual(RIGHT)
    expect(at({ kind: 'worker', worker: 0 })).toEqual(RIGHT)
    expect(at({ kind: 'worker', worker: 1 })).toEqual(wrong('ran again'))
    expect(at(server(1))).toEqual(wrong('ran again'))
    expect(at(PROXY)).toEqual(wrong('ran again'))
    expect(judged({ calls: [call(result)], runs })).toEqual(wrong('ran again'))
  })

  it('or was sent again by a caller who allowed it', () => {
    const troubles = [trouble(PROXY, 200)]
    const again = call({ ...result, client: 1, retries: 1 })
    expect(judged({ calls: [again], runs, troubles })).toEqual(RIGHT)
    expect(judged({ calls: [{ ...again, retries: 0 }], runs, troubles })).toEqual(
      wrong('ran again'),
    )
    expect(judged({ calls: [again], runs })).toEqual(wrong('ran again'))
  })
})

describe('a background job that was acknowledged', () => {
  const killed = [trouble(server(0, true), 210)]
  const kept = background({ handle: 'b:1//H:1' })

  it('is run', () => {
    expect(judged({ calls: [background()], runs: [run()] })).toEqual(RIGHT)
    expect(judged({ calls: [background()] })).toEqual(wrong('never run to its end'))
    expect(judged({ calls: [background()], runs: [run({ how: 'lost' })] })).toEqual(
      wrong('never run to its end'),
    )
  })

  it('is lost only with a server that forgets', () => {
    expect(judged({ calls: [background()], troubles: killed })).toEqual(RIGHT)
    expect(judged({ calls: [kept], troubles: [trouble(server(1, true), 210)] })).toEqual(
      wrong('which keeps jobs'),
    )
    expect(judged({ calls: [background()], troubles: [trouble(server(0), 210)] })).toEqual(
      wrong('never run to its end'),
    )
  })

  it('may have been joined to another one', () => {
    const calls = [background({ job: job(1, {}, 'u') }), background({ job: job(2, {}, 'u') })]
    expect(judged({ calls, runs: [run()] })).toEqual(RIGHT)
  })

  it('was told its own handle', () => {
    const calls = [background(), background({ job: job(2) })]
    const runs = [run(), run({ run: 2, job: 2, handle: 'a:1//H:2' })]
    expect(judged({ calls, runs })).toContainEqual(
      expect.stringContaining('was told the handle of job 1'),
    )
  })
})

describe('a run', () => {
  it('has a workload that somebody sent', () => {
    expect(judged({ runs: [run()] })).toEqual(wrong('that nobody sent'))
    expect(judged({ runs: [run({ job: 0 })] })).toEqual(wrong('that nobody sent'))
    expect(judged({ calls: [call({ begun: 130 })], runs: [run()] })).toEqual(
      wrong('that nobody sent'),
    )
  })

  it('ends before its worker has left', () => {
    const calls = [background()]
    const leaving = (made: Partial<Run>, troubles: Trouble[] = []): readonly string[] =>
      judged({
        calls,
        runs: [run(made), run({ run: 2, begun: 700, ended: 710 })],
        departures: [departure()],
        troubles: [...troubles, trouble(server(0), 690)],
      })
    expect(judged({ calls, runs: [run()], departures: [departure()] })).toEqual(RIGHT)
    const late = [run({ ended: 300 })]
    expect(judged({ calls, runs: late, departures: [departure()] })).toEqual(
      wrong('without finishing run 1'),
    )
    expect(leaving({ how: 'lost' }, [trouble(server(0), 140)])).toEqual(
      wrong('began run 2 when it was closed'),
    )
    expect(
      judged({ calls, runs: [run({ begun: 170, ended: 180 })], departures: [departure()] }),
    ).toEqual(wrong('began run 1 when it was closed'))
  })
})
