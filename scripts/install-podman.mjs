// Installs, on Debian, what tests with GLAMMP_TEST_SERVERS=containers need where no engine is.
// Nothing is started and nothing configured: the tests serve Podman with settings of their own.
import { installPackages } from './apt.mjs'

await installPackages([
  'podman',
  // Podman's other runtime, crun, refuses hybrid cgroups.
  'runc',
  'containernetworking-plugins',
  'iptables',
  'slirp4netns',
  // Makes the base image where none can be pulled.
  'debootstrap',
])
