import { findProgram } from '../../scripts/programs.mjs'
import { run } from './process.js'

const program = findProgram('php') ?? 'php'

/** Whether this machine has PHP with its memcached extension (Debian: php-cli, php-memcached). */
export const hasPhpMemcached: boolean = await hasPhpExtension('memcached')

/** Whether this PHP has an extension. */
export async function hasPhpExtension(name: string): Promise<boolean> {
  const code = `echo (int) extension_loaded("${name}");`
  return findProgram('php') !== undefined && (await run(program, ['-r', code])).stdout === '1'
}

/** Runs PHP code with `$m`, a Memcached over the servers, and `$in`; resolves to what it returns. */
export async function inPhp<T>(
  servers: readonly { host: string; port: number; weight?: number }[],
  code: string,
  input: unknown = null,
): Promise<T> {
  const script = `
    $in = json_decode(stream_get_contents(STDIN), true);
    $m = new Memcached();
    $m->setOption(Memcached::OPT_LIBKETAMA_COMPATIBLE, true);
    $m->addServers($in['servers']);
    $in = $in['input'];
    echo json_encode((function () use ($m, $in) { ${code} })());`
  const list = servers.map(({ host, port, weight = 1 }) => [host, port, weight])
  const {
    code: exit,
    stdout,
    stderr,
  } = await run(program, ['-r', script], {
    input: JSON.stringify({ servers: list, input }),
  })
  if (exit !== 0) throw new Error(`php failed: ${stdout}${stderr}`)
  return JSON.parse(stdout) as T
}
