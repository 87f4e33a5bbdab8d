import { messageOf } from '../checks/shown.js'
import { isThenable } from './thenable.js'

/** Where values come from, one after another. */
export type Source<T> = Iterable<T> | AsyncIterable<T>

/** What `next()` gives, or a promise of it. */
type Step<T> = IteratorResult<T> | PromiseLike<IteratorResult<T>>

interface Steps<T> {
  next(): Step<T>
  return?(): unknown
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

/**
 * Takes values from a source as `for await` does, except for {@link stop}: it ends the wait for a
 * value that may never come, and does not wait itself.
 */
export class Pull<T> {
  readonly #source: Source<T>
  readonly #steps: Steps<T>
  readonly #async: boolean
  #over = false
  #interrupt: (() => void) | undefined

  /** @throws TypeError if it is not iterable. */
  constructor(source: Source<T>) {
    this.#source = source
    this.#async = Symbol.asyncIterator in source
    this.#steps = stepsOf(source)
  }

  /** The next value; done if there is none, or if no more are wanted. */
  next(): IteratorResult<T> | Promise<IteratorResult<T>> {
    if (this.#over) return DONE
    const step = this.#steps.next()
    if (this.#async) return this.#interruptible(step)
    const { done, value } = checkStep(step as IteratorResult<T>)
    if (done || !isThenable(value)) return step as IteratorResult<T>
    return this.#interruptible(value.then((awaited) => ({ done: false, value: awaited as T })))
  }

  /** The source has ended, or failed: it must not be closed. */
  ended(): void {
    this.#over = true
  }

  /** No more is wanted. */
  stop(): void {
    if (this.#over) return
    this.#over = true
    this.#interrupt?.()
    const warn = (error: unknown): void => {
      process.emitWarning(`a source could not be ended: ${messageOf(error)}`)
    }
    // The caller has its result by now, and other calls must not be affected.
    try {
      const { destroy } = this.#source as { destroy?: unknown }
      // A Readable's `return` would wait for the value that does not come.
      if (typeof destroy === 'function') destroy.call(this.#source)
      else Promise.resolve(this.#steps.return?.()).catch(warn)
    } catch (error) {
      warn(error)
    }
  }

  #interruptible(step: Step<T>): Promise<IteratorResult<T>> {
    return new Promise((resolve, reject) => {
      this.#interrupt = () => resolve(DONE)
      Promise.resolve(step).then(checkStep).then(resolve, reject)
    })
  }
}

/**
 * On a number, for example, `done` would never be true, and the loop would not end. @throws
 * TypeError
 */
function checkStep<S>(step: S): S {
  if (typeof step === 'object' && step !== null) return step
  throw new TypeError('`next` of an iterator returns an object of `done` and `value`')
}

function stepsOf<T>(source: Source<T>): Steps<T> {
  const { getReader } = source as { getReader?: unknown }
  if (typeof getReader === 'function') return readerSteps(getReader.call(source) as Reader<T>)
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]()
  return source[Symbol.iterator]()
}

interface Reader<T> {
  read(): Promise<IteratorResult<T>>
  cancel(): Promise<void>
}

// Only its reader can cancel a web stream that waits.
function readerSteps<T>(reader: Reader<T>): Steps<T> {
  return { next: () => reader.read(), return: () => reader.cancel() }
}
