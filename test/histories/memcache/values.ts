/** Fills a value up to its size: what stands where tells of pieces that were mixed. */
const FILLING = 'abcdefghijklmnopqrstuvwxyz'

const padded = (name: string, size: number): string => {
  const start = `${name}~${size}~`
  if (start.length >= size) return start
  const turn = name.length % FILLING.length
  const filling = FILLING.slice(turn) + FILLING.slice(0, turn)
  return (start + filling.repeat(Math.ceil(size / FILLING.length))).slice(0, size)
}

/**
 * The value with this name: it says key, writer and sequence. One in three is an object, which
 * takes another way through the client than text does.
 */
export const valueNamed = (name: string, size: number, mayBeObject: boolean): unknown => {
  if (!mayBeObject) return size === 0 ? name : padded(name, size)
  const number = Number.parseInt(name.slice(name.lastIndexOf('.') + 1), 10)
  return number % 3 === 0 ? { name, text: padded(name, size) } : padded(name, size)
}

/** The name of a value that was read; something that nobody writes if it is not whole. */
export const nameOf = (value: unknown): string | undefined => {
  if (value === undefined) return undefined
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (typeof value === 'object' && value !== null && 'name' in value && 'text' in value) {
    const { name, text } = value
    return typeof name === 'string' && nameOf(text) === name ? name : broken(value)
  }
  if (typeof value !== 'string') return broken(value)
  const [name = '', size] = value.split('~')
  // Short text, to which others append.
  if (size === undefined) return value === '' ? broken(value) : value
  return padded(name, Number(size)) === value ? name : broken(value)
}

const broken = (value: unknown): string => `broken ${JSON.stringify(value)?.slice(0, 80)}`
