export { GearmanServer, type GearmanServerOptions } from './gearman-server.js'
