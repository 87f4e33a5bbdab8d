import type { Key } from '../key.js'

/** Told of every key that this process is about to change. */
export interface ChangeListener {
  /** @param done - settles when the server has answered. */
  changed(key: Key, done: Promise<unknown>): void
}

/** Tells what keeps copies of items which of them change. */
export class Changes {
  /** Who is told; set as soon as there is one. */
  listener: ChangeListener | undefined

  tell(key: Key, done: Promise<unknown>): void {
    this.listener?.changed(key, done)
  }
}
