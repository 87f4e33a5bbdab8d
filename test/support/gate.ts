/** Something that a handler waits for until the test lets it go. */
export class Gate {
  readonly open: () => void
  readonly passed: Promise<void>

  constructor() {
    let open = (): void => {}
    this.passed = new Promise((resolve) => {
      open = resolve
    })
    this.open = open
  }
}
