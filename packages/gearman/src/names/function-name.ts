import { wrong } from '@glammp/wire'
import { InvalidArgumentError } from '../errors.js'
import { byteText } from '../protocol/packet.js'

/** What the database queues of gearmand can store; its own limit is its receive buffer of 8 KiB. */
const MAX_NAME = 255

/**
 * Function names as gearmand gets them, with the namespace in front. Names are few and used again
 * and again, so each is checked and encoded once.
 */
export class FunctionNames {
  readonly #namespace: string
  readonly #encoded = new Map<string, string>()

  constructor(namespace: string) {
    this.#namespace = namespace
  }

  /**
   * The name as the text of its bytes.
   *
   * @throws {@link InvalidArgumentError} for a name that gearmand or its admin commands would not
   *   accept or return unchanged.
   */
  encode(name: string): string {
    const known = this.#encoded.get(name)
    if (known !== undefined) return known
    const text = this.#check(name)
    // A caller that invents any number of names must not fill the memory.
    if (this.#encoded.size >= 1_000) this.#encoded.clear()
    this.#encoded.set(name, text)
    return text
  }

  #check(name: string): string {
    if (typeof name !== 'string' || name === '') {
      throw new InvalidArgumentError(
        wrong('a function name', 'a string of at least one character', name),
      )
    }
    const text = byteText(this.#namespace + name)
    // White space would break the lists of gearmand's `status` and `workers`.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (text.length > MAX_NAME || /[\s\u0000-\u001f\u007f\p{Cs}]/u.test(this.#namespace + name)) {
      throw new InvalidArgumentError(
        `a function name has at most ${MAX_NAME} bytes with its namespace, no white space, no control characters and no half characters: ${JSON.stringify(name)}`,
        { function: name },
      )
    }
    return text
  }
}
