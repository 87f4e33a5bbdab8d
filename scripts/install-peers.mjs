// Installs, on Debian, the other clients and proxies that the tests of interoperability run
// against. Without them those tests are skipped, each with its reason.
import { installPackages } from './apt.mjs'

await installPackages([
  'php-cli',
  'php-memcached',
  'php-memcache',
  'php-gearman',
  'php-igbinary',
  'php-msgpack',
  'python3-pylibmc',
  'python3-pymemcache',
  'ruby-dalli',
  'gearman-tools',
  'libmemcached-tools',
  'nutcracker',
  'sasl2-bin',
  'sqlite3',
  'mariadb-server-core',
])
