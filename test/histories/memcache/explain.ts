import { type KeyAction, stateName } from './actions.js'
import type { Call } from './record.js'
import { nameOf } from './values.js'

const printed = (value: unknown): string => {
  if (value instanceof Map) {
    return `{${[...value].map(([key, item]) => `${key}: ${printed(item)}`).join(', ')}}`
  }
  if (typeof value === 'object' && value !== null && 'cas' in value && 'value' in value) {
    return `${printed(value.value)} #${value.cas}`
  }
  if (value === undefined || typeof value === 'boolean') return String(value)
  return nameOf(value) ?? 'undefined'
}

const outcomeOf = ({ outcome }: Call): string => {
  if (outcome === undefined) return 'no end'
  if (outcome.kind === 'returned') return printed(outcome.value)
  const { error } = outcome
  return error instanceof Error ? ((error as { code?: string }).code ?? error.name) : String(error)
}

const line = (action: KeyAction, mark: string): string => {
  const { call, what, start, end } = action
  const times = `${start.toFixed(1)}..${end === Infinity ? '' : end.toFixed(1)}`
  if (call === undefined) return `    ${mark} ${times} ${what}`
  const who = `${call.client}.${call.caller}`
  const expected = call.expected === undefined ? '' : ` for ${call.expected}`
  const written = [...call.names, ...(call.amount > 0 ? [call.amount] : [])].join(' ')
  return `    ${mark} ${times} ${who} ${what} ${written}${expected} => ${outcomeOf(call)}`
}

/** The actions around the place where no order goes on. */
export const explain = (actions: readonly KeyAction[], longest: readonly number[]): string => {
  const done = new Set(longest)
  const states: string[] = []
  let state: Parameters<KeyAction['apply']>[0]
  const before = new Set<number>()
  for (const position of longest) {
    const action = actions[position] as KeyAction
    state = action.apply(state, (other) => before.has(other))[0]
    before.add(position)
    states.push(line(action, ' '))
  }
  const stuck = actions.filter(({ happened }, position) => happened && !done.has(position))
  const first = Math.min(...stuck.map(({ end }) => end))
  return [
    ...states.slice(-12),
    `    then ${stateName(state)}, and none of`,
    ...stuck.filter(({ start }) => start <= first).map((action) => line(action, '?')),
    ...actions
      .filter(({ happened }, position) => !happened && !done.has(position))
      .map((action) => line(action, '~')),
  ].join('\n')
}
