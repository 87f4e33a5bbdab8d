import { parseServers } from '@glammp/wire'
import { expect, test } from 'vitest'
import { modula, oneAtATime } from './modula.js'

const servers = parseServers('10.0.0.1,10.0.0.2,10.0.0.3', { defaultPort: 11_211, schemes: {} })

test('one-at-a-time is libmemcached’s', () => {
  expect(oneAtATime('foo')).toBe(0x238678dd)
})

// Vectors of PHP's Memcached with its default distribution.
test.each([
  ['foo', 1],
  ['bar', 2],
  ['user:1', 3],
  ['user:2', 3],
  ['session:abc', 1],
  ['k1', 2],
  ['k2', 3],
  ['k3', 3],
  ['héllo', 1],
  ['product/42', 1],
])('%s is on server %i of three', (key, server) => {
  expect(modula(servers).pick(Buffer.from(key).toString('latin1')) + 1).toBe(server)
})
