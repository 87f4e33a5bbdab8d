import fc from 'fast-check'
import {
  anyKey,
  block,
  casToken,
  content,
  ENCODED,
  exptime,
  flags,
  gap,
  KEYS,
  key,
  large,
  lineEnd,
  noreply,
  oddKey,
  oddNumber,
  often,
  one,
  small,
} from './raw-words.js'

/** A command as it is sent; in place of `CAS` stands the cas number of the item `casOf`, and `plus`. */
export interface RawCommand {
  readonly text: string
  readonly casOf?: string
  readonly plus?: number
}

/** All before it was answered and sent, even if a value takes some of it. */
const FENCE = 'mn\r\n'.repeat(7)

const largeStore = fc
  .tuple(
    one('set', 'add', 'append', 'prepend', 'ms', 'ms'),
    key,
    large,
    one('', ' MA', ' q k', ' c'),
  )
  .map(([name, on, { length }, more]) => ({
    text:
      name === 'ms'
        ? `${FENCE}ms ${on} ${length}${more}\r\n${'v'.repeat(length)}\r\n`
        : `${FENCE}${name} ${on} 5 0 ${length}\r\n${'v'.repeat(length)}\r\n`,
  }))

const fetchLine = fc
  .tuple(
    one('get', 'get', 'gets', 'gat', 'gats', 'bget'),
    exptime,
    fc.array(often(4, key, oddKey), { minLength: 0, maxLength: 5 }),
    often(20, fc.constant(0), fc.integer({ min: 20, max: 60 })),
    lineEnd,
  )
  .map(([name, time, keys, more, end]) => {
    const all = [...keys, ...Array.from({ length: more }, (_, index) => KEYS[index % 4] as string)]
    const words = [name, ...(name.startsWith('gat') ? [time] : []), ...all]
    // What was not sent yet is lost by the real server when a key is too long.
    return { text: `${FENCE}${words.join(' ')}${end}` }
  })

const store = fc
  .tuple(
    one('set', 'set', 'set', 'add', 'replace', 'append', 'prepend'),
    anyKey,
    flags,
    exptime,
    block,
    noreply,
    lineEnd,
    gap,
  )
  .map(([name, on, flag, time, { length, data }, quiet, end, space]) => ({
    text: `${name} ${on}${space}${flag} ${time} ${length}${quiet}${end}${data}`,
  }))

const casLine = fc
  .tuple(anyKey, flags, exptime, block, casToken, noreply)
  .map(([on, flag, time, { length, data }, { token, plus }, quiet]) => ({
    text: `cas ${on} ${flag} ${time} ${length} ${token}${quiet}\r\n${data}`,
    casOf: on,
    plus,
  }))

const changeLine = fc
  .oneof(
    fc.tuple(one('incr', 'decr'), anyKey, often(6, small, oddNumber)),
    fc.tuple(one('touch'), anyKey, exptime),
    fc.tuple(
      one('delete'),
      anyKey,
      often(8, fc.constant(''), one('0', '5', 'noreply', '0 noreply')),
    ),
  )
  .chain(([name, on, argument]) =>
    // An item in an answer that was not sent yet is replaced by the real server, not changed.
    fc.tuple(noreply, lineEnd).map(([quiet, end]) => ({
      text: `${FENCE}${name} ${on}${argument === '' ? '' : ` ${argument}`}${quiet}${end}`,
    })),
  )

const anyFlag = fc.oneof(
  { weight: 8, arbitrary: one(...'kcftsvhluqbqvckt') },
  {
    weight: 3,
    arbitrary: one('O1', 'Oabc', 'O', `O${'x'.repeat(31)}`, `O${'x'.repeat(32)}`, 'Okc'),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(one('N', 'T', 'R'), exptime).map(([name, time]) => name + time),
  },
  { weight: 2, arbitrary: one('R2000', 'R50', 'N100', 'N0', 'T0', 'R0', 'N-1', 'T-1') },
  { weight: 3, arbitrary: one('I', 'I', 'Ix') },
  {
    weight: 2,
    arbitrary: one('MA', 'ME', 'MP', 'MR', 'MS', 'MI', 'MD', 'M+', 'M-', 'Ma', 'Mi', 'MX'),
  },
  { weight: 1, arbitrary: one('M', 'MSS', 'Mset') },
  {
    weight: 3,
    arbitrary: fc
      .tuple(one('D', 'J', 'F'), often(5, small, oddNumber))
      .map((parts) => parts.join('')),
  },
  {
    weight: 1,
    arbitrary: one(
      'P',
      'Lx',
      'E5',
      'S5',
      'x',
      'z',
      '1',
      '-',
      '\x01',
      '\x7f',
      '\xff',
      'K',
      'b1',
      'kx',
      'vx',
    ),
  },
)
const metaFlags = fc
  .tuple(
    fc.uniqueArray(anyFlag, {
      maxLength: 7,
      // A few may come twice.
      selector: (flag) => flag.charAt(0),
    }),
    often(25, fc.constant<string[]>([]), fc.array(anyFlag, { maxLength: 22 })),
    often(3, fc.constant(undefined), casToken),
  )
  .map(([first, more, cas]) => ({
    flags: [...first, ...more, ...(cas === undefined ? [] : [`C${cas.token}`])]
      .map((flag) => ` ${flag}`)
      .join(''),
    plus: cas?.plus ?? 0,
  }))

const metaKey = fc.oneof(
  { weight: 10, arbitrary: key.map((on) => ({ on, b: '' })) },
  { weight: 3, arbitrary: one(...ENCODED).map((on) => ({ on, b: ' b' })) },
  { weight: 1, arbitrary: oddKey.map((on) => ({ on, b: ' b' })) },
  { weight: 1, arbitrary: oddKey.map((on) => ({ on, b: '' })) },
)

const withoutValue = fc
  .tuple(one('mg', 'mg', 'mg', 'md', 'ma', 'ma', 'me'), metaKey, metaFlags, lineEnd, gap)
  .map(([name, { on, b }, { flags: more, plus }, end, space]) => ({
    // As above.
    text: `${name === 'ma' ? FENCE : ''}${name}${space}${on}${b}${more}${end}`,
    casOf: `${on}${b}`,
    plus,
  }))

/** What is done with items that several clients compute anew. */
const plain = fc
  .tuple(
    one('mg', 'mg', 'md'),
    metaKey,
    fc.uniqueArray(one('v', 'c', 't', 'k', 'q', 'f', 'N100', 'R2000', 'I', 'T50', 's', 'h'), {
      maxLength: 6,
    }),
  )
  .map(([name, { on, b }, list]) => ({
    text: `${name} ${on}${b}${list.map((flag) => ` ${flag}`).join('')}\r\n`,
  }))

const metaSet = fc
  .tuple(metaKey, block, metaFlags, lineEnd)
  .map(([{ on, b }, { length, data }, { flags: more, plus }, end]) => ({
    text: `ms ${on} ${length}${b}${more}${end}${data}`,
    casOf: `${on}${b}`,
    plus,
  }))

const simpleSet = fc
  .tuple(
    metaKey,
    content,
    fc.uniqueArray(one('c', 'k', 'T100', 'F5', 'I', 'CCAS', 'q', 'MA', 'O7'), { maxLength: 4 }),
  )
  .map(([{ on, b }, value, list]) => ({
    text: `ms ${on} ${value.length}${b}${list.map((flag) => ` ${flag}`).join('')}\r\n${value}\r\n`,
    casOf: `${on}${b}`,
    plus: value.length % 3 === 0 ? -1 : 0,
  }))

const odd = one(
  ...[
    '',
    ' ',
    'a',
    'GET a',
    'gett a',
    'get',
    'gets',
    'gat',
    'gat 1',
    'gat a',
    'set',
    'set a',
    'cas a 0 0 1',
  ],
  ...[
    'set a 0 0',
    'set a 0 0 1 2 3',
    'incr a',
    'incr',
    'incr a 1 2 3',
    'touch a',
    'touch',
    'delete',
  ],
  ...[
    'delete a 0 noreply',
    'delete a 1 2 3',
    'delete a b',
    'delete noreply',
    'touch a 5 5',
    'mg',
    'ms',
  ],
  ...[
    'ms a',
    'ms a abc',
    'ms a -1',
    'ms a S5',
    'md',
    'ma',
    'me',
    'mn',
    'mn a b',
    'mx',
    'm',
    'mg ',
    'me a b c',
  ],
  ...['me a', 'me YQ== b', 'me YQ b', `me ${'k'.repeat(251)}`, `mg ${'k'.repeat(251)} v`],
  ...[
    'flush_all',
    'flush_all noreply',
    'flush_all 0',
    'flush_all -1',
    'flush_all abc',
    'flush_all 0 noreply',
  ],
  ...[
    'flush_all 1000',
    'flush_all 2592001',
    'flush_all 1 2',
    'flush_all noreply 5',
    'flush_all 1 2 3',
  ],
  ...[
    'verbosity',
    'verbosity 0',
    'verbosity abc',
    'verbosity 0 noreply',
    'verbosity noreply',
    'verbosity 0 1',
  ],
  ...[
    'verbosity 0 1 2',
    '\0',
    'mn\0x',
    'get a\0b',
    ' get a',
    '  mn',
    'mn ',
    '\r',
    'mg a\tb v',
    'constructor',
  ],
  ...['toString a', '__proto__', 'mg a constructor', 'ms a 0 __proto__', '\xff\xfe', '\x80\x01'],
).map((line) => ({ text: `mn\r\n${line}\r\n` }))

const command: fc.Arbitrary<RawCommand> = fc.oneof(
  { weight: 4, arbitrary: fetchLine },
  { weight: 5, arbitrary: store },
  { weight: 3, arbitrary: casLine },
  { weight: 4, arbitrary: changeLine },
  { weight: 5, arbitrary: withoutValue },
  { weight: 6, arbitrary: plain },
  { weight: 3, arbitrary: metaSet },
  { weight: 4, arbitrary: simpleSet },
  { weight: 3, arbitrary: odd },
  { weight: 1, arbitrary: largeStore },
)

/** What a client may send, sense and nonsense, and after how many bytes it pauses. */
export const sequences: fc.Arbitrary<{
  readonly commands: readonly RawCommand[]
  readonly pauses: readonly number[]
}> = fc.record({
  // Most commands are of little interest where there is nothing.
  commands: fc
    .tuple(fc.array(simpleSet, { maxLength: 4 }), fc.array(command, { maxLength: 14 }))
    .map((parts) => parts.flat()),
  pauses: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 8 }),
})
