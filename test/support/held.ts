/** A load that goes on until the test ends it. */
export interface HeldLoad<T> {
  readonly load: () => Promise<T>
  /** How often it was called. */
  readonly calls: number
  /** Resolves once it was called. */
  readonly begun: Promise<void>
  end(value: T): void
  fail(reason: unknown): void
}

export const held = <T = string>(): HeldLoad<T> => {
  let calls = 0
  let begin = (): void => {}
  let end: HeldLoad<T>['end'] = () => {}
  let fail: HeldLoad<T>['fail'] = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const result = new Promise<T>((resolve, reject) => {
    end = resolve
    fail = reject
  })
  // Nobody may ever load.
  result.catch(() => {})
  return {
    load: () => {
      calls += 1
      begin()
      return result
    },
    get calls() {
      return calls
    },
    begun,
    end,
    fail,
  }
}
