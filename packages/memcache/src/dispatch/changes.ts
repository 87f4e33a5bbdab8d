import type { Key } from '../key.js'

/** Called for every key that this process is about to change. */
export interface ChangeListener {
  /** @param done - settles when the server has answered. */
  changed(key: Key, done: Promise<unknown>): void
}

/** Tells caches of items which items change. */
export class Changes {
  /** The listener; set as soon as there is one. */
  listener: ChangeListener | undefined

  tell(key: Key, done: Promise<unknown>): void {
    this.listener?.changed(key, done)
  }
}
