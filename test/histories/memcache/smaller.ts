import { type ClientPlan, familyOf, type Program, type Step } from './program.js'

/** A list without each half of it, each quarter, and so on down to single ones. */
function* shorter<T>(list: readonly T[]): Iterable<readonly T[]> {
  for (
    let size = Math.ceil(list.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let start = 0; start < list.length; start += size) {
      yield [...list.slice(0, start), ...list.slice(start + size)]
    }
  }
}

const withClient = (program: Program, at: number, change: Partial<ClientPlan>): Program => ({
  ...program,
  clients: program.clients.map((client, other) =>
    other === at ? { ...client, ...change } : client,
  ),
})

const stepsOf = ({ clients }: Program): readonly Step[] =>
  clients.flatMap(({ callers }) => callers.flat())

const only = (program: Program, keeps: (step: Step) => boolean): Program => ({
  ...program,
  clients: program.clients.map((client) => ({
    ...client,
    callers: client.callers.map((steps) => steps.filter(keeps)),
  })),
})

/** Programs with fewer clients, keys, faults and steps. */
export function* smallerPrograms(program: Program): Iterable<Program> {
  const { clients, faults } = program
  if (clients.length > 1) {
    for (const fewer of shorter(clients)) if (fewer.length > 0) yield { ...program, clients: fewer }
  }
  const keys = [...new Set(stepsOf(program).flatMap((step) => step.keys))]
  const families = [...new Set(keys.map(familyOf))]
  if (families.length > 1) {
    for (const family of families) {
      yield only(program, ({ keys: [key = ''] }) => familyOf(key) !== family)
    }
  }
  if (keys.length > 1) {
    for (const key of keys) yield only(program, (step) => !step.keys.includes(key))
  }
  for (const fewer of shorter(faults)) yield { ...program, faults: fewer }
  for (const [at, { callers }] of clients.entries()) {
    if (callers.length < 2) continue
    for (const fewer of shorter(callers)) yield withClient(program, at, { callers: fewer })
  }
  for (const [at, { callers }] of clients.entries()) {
    for (const [position, steps] of callers.entries()) {
      for (const fewer of shorter(steps)) {
        const changed = callers.map((each, other) => (other === position ? fewer : each))
        yield withClient(program, at, { callers: changed })
      }
    }
  }
}
