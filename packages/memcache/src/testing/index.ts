export {
  MemcachedServer,
  type MemcachedServerOptions,
  startMemcached,
} from './memcached-server.js'
