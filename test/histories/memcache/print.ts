import type { Program, Step } from './program.js'

const printStep = ({ op, keys, rest, size, abort }: Step): string =>
  [
    rest > 0 ? `+${rest}` : '',
    op,
    keys.join(','),
    size > 0 ? `(${size})` : '',
    abort > 0 ? `!${abort}` : '',
  ]
    .filter((part) => part !== '')
    .join(' ')

/** `+5 set text:0 (300) !20`: 5 ms later a `set` of 300 bytes that is aborted after 20 ms. */
export const printProgram = ({
  servers,
  gutter,
  path,
  clients,
  faults,
  closesInFaults,
}: Program): string =>
  [
    `${servers} servers, ${gutter} of a gutter, reached: ${path}${closesInFaults ? ', closed in faults' : ''}`,
    ...faults.map(
      ({ kind, server, client, at, lasts, amount }) =>
        `  at ${at} for ${lasts} ms: ${kind} ${amount} of server ${server}, client ${client}`,
    ),
    ...clients.flatMap(({ options, callers, closed }, client) => [
      `  client ${client}: ${JSON.stringify(options)}${closed > 0 ? ` closed at ${closed}` : ''}`,
      ...callers.map((steps) => `    ${steps.map(printStep).join('; ')}`),
    ]),
  ].join('\n')
