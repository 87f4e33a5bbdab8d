import fc from 'fast-check'
import { request } from '../../support/raw-gearman.js'

/** What depends on the sequence: names that no other has, and handles that were given before. */
export interface Scene {
  readonly prefix: string
  readonly handles: readonly string[]
}

/** Makes what is sent. */
type Message = (scene: Scene) => Buffer

export interface Step {
  /** The number of a connection. */
  readonly place: number
  readonly messages: readonly Message[]
  /** Where the bytes are cut, as parts of their number. */
  readonly cuts: readonly number[]
  /** The connection is ended by the client behind it. */
  readonly isLast: boolean
}

type Argument = string | ((scene: Scene) => string)

const resolve = (argument: Argument, scene: Scene): string =>
  typeof argument === 'string' ? argument : argument(scene)

const packet =
  (type: number, ...args: readonly Argument[]): Message =>
  (scene) =>
    request(type, ...args.map((argument) => resolve(argument, scene)))

const line =
  (...parts: readonly Argument[]): Message =>
  (scene) =>
    Buffer.from(parts.map((part) => resolve(part, scene)).join(''))

/** Most of the functions are few, so that jobs and workers meet. */
const fn = fc
  .oneof(
    { weight: 8, arbitrary: fc.constantFrom('a', 'b') },
    { weight: 1, arbitrary: fc.constantFrom('c', 'größe', 'A') },
  )
  .map(
    (name) =>
      ({ prefix }: Scene) =>
        `${prefix}${name}`,
  )
const LONG = [62, 63, 64, 65].map((length) => 'u'.repeat(length))
const unique = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('', '-', 'u', 'v', 'data', '-x') },
  { weight: 1, arbitrary: fc.constantFrom(...LONG) },
)
const data = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('', 'data', 'u', 'a\0b') },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(3_000), 'x'.repeat(20_000)) },
)
/** Known ones, the newest first, and others. */
const handle = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(0, 0, 0, 1, 1, 2, 3).map(
      (back) =>
        ({ handles }: Scene) =>
          handles.at(-1 - back) ?? 'H:none:1',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('', 'H:none:1', 'x'.repeat(63), 'x'.repeat(64)) },
)
const number = fc.constantFrom(
  '0',
  '1',
  '50',
  '50.5',
  '-1',
  '',
  'abc',
  ' 7',
  '4294967296',
  '12345678901',
)
const time = fc.constantFrom('0', '1', '-5', '', 'abc', '9999999999', '99999999999')

const submit = fc
  .tuple(fc.constantFrom(7, 18, 21, 32, 33, 34), fn, unique, data)
  .map((args) => packet(...args))
const epoch = fc.tuple(fn, unique, time, data).map((args) => packet(36, ...args))
const reduce = fc
  .tuple(
    ...([fc.constantFrom(37, 38), fn, fc.constantFrom('', '-', 'u', 'v')] as const),
    ...([
      fc.constantFrom('', 'r', 'r'.repeat(63), 'r'.repeat(65)),
      fc.constantFrom('', '0'),
    ] as const),
    data,
  )
  .map((args) => packet(...args))
const canDo = fn.map((name) => packet(1, name))
const grab = fc.constantFrom(9, 9, 30, 39).map((type) => packet(type))
const ability = fc.oneof(
  canDo,
  fc.tuple(fn, fc.constantFrom('0', '9000000', '', '-1', 'x')).map((args) => packet(23, ...args)),
)
const unable = fc.oneof(
  fn.map((name) => packet(2, name)),
  fc.constant(packet(3)),
)
const final = fc.oneof(
  fc.tuple(fc.constantFrom(13, 13, 25), handle, data).map((args) => packet(...args)),
  handle.map((of) => packet(14, of)),
)
const progress = fc.oneof(
  fc.tuple(fc.constantFrom(28, 29), handle, data).map((args) => packet(...args)),
  fc.tuple(handle, number, number).map((args) => packet(12, ...args)),
)
const ask = fc.oneof(
  handle.map((of) => packet(15, of)),
  unique.map((of) => packet(41, of)),
  fc
    .constantFrom('exceptions', 'EXCEPTIONS', 'other', '', 'exceptions\0', 'x'.repeat(64))
    .map((of) => packet(26, of)),
  fc
    .constantFrom('', 'me', 'my self', 'i'.repeat(127), 'i'.repeat(128))
    .map((of) => packet(22, of)),
  data.map((of) => packet(16, of)),
)
/** Packets that servers send, and those that nobody does. */
const wrong = fc.constantFrom(
  packet(5),
  packet(6),
  packet(8, 'H:none:1'),
  packet(10),
  packet(11, 'H:none:1', 'f', 'data'),
  packet(17, 'data'),
  packet(19, 'A', 'b'),
  packet(20, 'a', '1', '1', '1', '1'),
  packet(24),
  packet(27, 'exceptions'),
  packet(31, 'a', 'b', 'c', 'data'),
  packet(35, 'f', 'u', '1', '1', '1', '1', '1', 'data'),
  packet(40, 'a', 'b', 'c', 'd', 'data'),
  packet(42, 'a', '1', '1', '1', '1', '1'),
  packet(9, 'more than there should be'),
  packet(4, 'more'),
  (scene: Scene) => {
    const bytes = packet(9)(scene)
    bytes.write('RES', 1)
    return bytes
  },
)
const admin = fc
  .tuple(
    fc.oneof(
      fc
        .constantFrom(
          ...['status', 'prioritystatus', 'workers', 'show jobs', 'show unique jobs', 'version'],
          ...['getpid', 'verbose', 'STATUS', 'status x', ' status', 'status ', 'show', 'show x'],
          ...['cancel', 'cancel job', 'cancel x y', 'create', 'create x y', 'drop', 'drop x y'],
          ...['maxqueue', 'shutdown', 'a b c d e', 'a  b', '', 'größe', 'show  jobs', 'x\0y'],
        )
        .map((text): readonly Argument[] => [text]),
      handle.map((of): readonly Argument[] => ['cancel job ', of]),
      fc
        .tuple(fn, fc.constantFrom('', ' 0', ' 1', ' 2', ' 1 2 3', ' 2 1', ' -1', ' x'))
        .map(([name, limits]): readonly Argument[] => ['maxqueue ', name, limits]),
      fc
        .constantFrom('create', 'drop', 'DROP')
        .chain((verb) =>
          fc
            .constantFrom('x', 'y', 'X')
            .map((name): readonly Argument[] => [
              `${verb} function `,
              ({ prefix }) => prefix + name,
            ]),
        ),
    ),
    fc.constantFrom('\r\n', '\r\n', '\r\n', '\n'),
  )
  .map(([parts, end]) => line(...parts, end))

const message = fc.oneof(
  { weight: 8, arbitrary: submit },
  { weight: 8, arbitrary: grab },
  { weight: 5, arbitrary: canDo },
  { weight: 2, arbitrary: ability },
  { weight: 3, arbitrary: fc.constant(packet(4)) },
  { weight: 3, arbitrary: progress },
  { weight: 2, arbitrary: epoch },
  { weight: 2, arbitrary: reduce },
  { weight: 3, arbitrary: ask },
  { weight: 1, arbitrary: wrong },
  { weight: 4, arbitrary: admin },
)

const bytes =
  (text: string): Message =>
  () =>
    Buffer.from(text, 'latin1')
/** What no server goes on after. */
const broken = fc.oneof(
  fc.constantFrom(
    bytes('\0FOO\0\0\0\0\0\0\0\0'),
    packet(0),
    packet(43),
    bytes('a b c d e f\r\n'),
    bytes('no end of the line'),
    bytes(`${'x'.repeat(8_192)}\n`),
    packet(18, 'f'.repeat(8_192), 'u', 'data'),
    packet(1, 'f'.repeat(8_193)),
    packet(15, 'x'.repeat(65)),
    packet(36, 'f', 'u', '9'.repeat(20), 'data'),
    packet(23, 'f', '1'.repeat(21)),
    bytes('\0REQ\0\0\0\x10\xff\xff\xff\xffdata'),
    packet(13, 'no NUL'),
    packet(18, 'no NUL'),
    packet(12, 'only', 'two'),
  ),
  fc.uint8Array({ maxLength: 64 }).map(
    (array): Message =>
      () =>
        Buffer.from(array),
  ),
  fc.tuple(message, fc.double({ min: 0, max: 1, noNaN: true })).map(
    ([whole, part]): Message =>
      (scene) => {
        const all = whole(scene)
        return all.subarray(0, Math.floor(all.length * part))
      },
  ),
)

/** Alone: gearmand frees a job's data even if the worker that has just grabbed it has not got them. */
const ending: fc.Arbitrary<Message> = fc.oneof(
  { weight: 3, arbitrary: final },
  { weight: 1, arbitrary: unable },
)

const place = fc.nat(3)
const cuts = fc.oneof(
  fc.constant([]),
  fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 24,
    arbitrary: fc.record({
      place,
      messages: fc.oneof(
        { weight: 3, arbitrary: fc.array(message, { minLength: 1, maxLength: 3 }) },
        { weight: 1, arbitrary: fc.tuple(ending) },
      ),
      cuts,
      isLast: fc.constant(false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      place,
      messages: fc.array(broken, { maxLength: 1 }),
      cuts,
      isLast: fc.constant(true),
    }),
  },
)

export const steps: fc.Arbitrary<Step[]> = fc.array(step, {
  minLength: 1,
  maxLength: 30,
  size: 'max',
})

/** The bytes of a step, cut. */
export const piecesOf = ({ messages, cuts }: Step, scene: Scene): Buffer[] => {
  const all = Buffer.concat(messages.map((make) => make(scene)))
  const places = [0, ...cuts.map((part) => Math.floor(part * all.length)).sort((a, b) => a - b)]
  return places
    .map((start, index) => all.subarray(start, places[index + 1] ?? all.length))
    .filter((piece) => piece.length > 0)
}
