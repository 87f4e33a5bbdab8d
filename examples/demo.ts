/**
 * The talk's programs as one story, over three memcached and two gearmand.
 *
 *     npm run demo
 *
 * It starts the servers that it needs on free ports and stops them in the end: the programs on PATH, or
 * else those of `@glammp/memcache/testing` and `@glammp/gearman/testing`. With MEMCACHED_SERVERS and
 * GEARMAN_SERVERS it uses those, and leaves what they hold alone. Its exit code is 0 only if every program
 * printed what the talk says.
 */
import type { RunningProcess } from '../test/support/process.js'
import { expect, printed, say, step, typed } from './demo/script.js'
import { Stage } from './demo/stage.js'

const UFS = 'AC AL AP AM BA CE DF ES GO MA MT MS MG PA PB PR PE PI RJ RN RS RO RR SC SP SE TO'

const REAL_ONES =
  'For real ones: apt-get install memcached gearman-job-server, or brew install memcached gearman, ' +
  'or MEMCACHED_SERVERS and GEARMAN_SERVERS'

const stage = new Stage()
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted = true
    console.error(`\n${signal}: stopping the servers`)
    void stage[Symbol.asyncDispose]().finally(() => process.exit(130))
  })
}
try {
  await stage.set()
  say(`memcached: ${stage.memcached.join(', ')}`)
  say(`gearmand:  ${stage.gearmand.join(', ')}`)
  if (stage.played.length > 0) {
    say(`(${stage.played.join(' and ')}: inside this process, since PATH has none. ${REAL_ONES})`)
  }
  await tellStory()
  console.log('\nAll is as the talk says.')
} catch (error) {
  if (!interrupted) console.error('\nThe demo failed.', error)
  process.exitCode = 1
} finally {
  await stage[Symbol.asyncDispose]()
}

async function tellStory(): Promise<void> {
  step('The page of a state: from the database, then from memcached')
  say('A small web server over a SQLite file looks into memcached first.')
  await show('memcache/page-flow', [], /first.* the database:.*Florian.*second.* memcached:.*Flor/s)

  step('The list of states, in the cache for 100 seconds')
  const states = /'SC', 'RS', 'SP'/
  await show('memcache/cache-aside', [], states)
  say('And again: now it is there.')
  await show('memcache/cache-aside', [], /was in the cache.*'SC', 'RS', 'SP'/s)

  step('The commands of memcached')
  const keep = stage.ownServers ? [] : ['--keep-items']
  await show('memcache/commands', keep, /get: O Ivo andava de patins\n/)

  step('Monitoring: the statistics of all servers')
  await show('memcache/stats', [], /^server +version.*\n.*\d/)

  step('A synchronous job: the client waits for the worker')
  const titleWorker = await start('gearman/title-worker')
  await show('gearman/title-client', [], /^O Ivo Andava De Patins!!!\n$/)

  step('The six calls: three priorities, waiting or in the background')
  await show('gearman/priorities', [], /^(.*: Uma Frase Qualquer\n){3}(.*Background: .+H:.+\n){3}$/)
  await stop(titleWorker)

  step('Asynchronous jobs: ten log records for the queue')
  say('No worker runs yet. The client leaves the jobs with gearmand and is done.')
  await show('gearman/log-queue-client', [], /^(.+H:.+ queued\n){10}$/)
  const logWorker = await start('gearman/log-queue-worker')
  await logWorker.waitForOutput(/(.* vez\(es\)\n){10}/)
  printed(logWorker.stdout())
  for (let i = 0; i < 10; i++) {
    const message = `O Ivo andou de patins ${i} vez(es)\n`
    expect(`the worker writes ${message}`, logWorker.stdout().includes(message))
  }
  await stop(logWorker)

  step('A job that tells how far it is')
  const statusWorker = await start('gearman/job-status-worker')
  const steps = /^(.*passo 0 de 2\n)+(.*passo 1 de 2\n)+(.*passo 2 de 2\n)+$/
  await show('gearman/job-status-client', [], steps)
  await stop(statusWorker)

  step('Both together: background jobs keep a cached page fresh')
  say('Between the first and the second request a state leaves the database.')
  const refreshed = /27 estados.* 0 s ago.*27 estados.* 2 s ago.*made anew.*26 estados/s
  await show('both/refresh-in-background', [], refreshed)

  step('One memcached stops, and the pages go on')
  await loseOneMemcached()
}

async function loseOneMemcached(): Promise<void> {
  const web = await start('memcache/page-flow', '--serve')
  printed(web.stdout())
  const [url] = /http:\S+(?=\/SC)/.exec(web.stdout()) ?? []
  expect('the web server says where it is', url !== undefined)

  say('Each of the 27 states is asked for, so that all are cached, and then again:')
  await requestAll(`${url}`)
  const before = await requestAll(`${url}`)
  say(`${before.memcached} pages from memcached, ${before.database} from the database`)
  expect('every page is cached', before.memcached === 27)

  const stopped = await stage.stopOneMemcached()
  say(`memcached at ${stopped} is stopped. All states once more:`)
  const after = await requestAll(`${url}`)
  say(`${after.memcached} pages from memcached, ${after.database} from the database, none missing`)
  expect('the other servers still have theirs', after.memcached > 0 || stage.memcached.length === 1)
  expect('what the stopped server had is loaded again', after.database > 0)
  await stop(web)
  await show('memcache/stats', [], new RegExp(`^${stopped} +ERR_MEMCACHE_CONNECTION$`, 'm'))
}

/** Asks for the page of every state, and counts where they came from. */
async function requestAll(url: string): Promise<{ memcached: number; database: number }> {
  const answers = await Promise.all(UFS.split(' ').map((uf) => fetch(`${url}/${uf}`)))
  const sources = answers.map(({ headers }) => headers.get('x-from'))
  const pages = await Promise.all(answers.map((answer) => answer.text()))
  expect(
    'every page is served',
    pages.every((page) => page.includes('<p>Capital: ')),
  )
  return {
    memcached: sources.filter((from) => from === 'memcached').length,
    database: sources.filter((from) => from === 'the database').length,
  }
}

/** Runs an example, shows what it prints and checks that. */
async function show(example: string, args: readonly string[], wanted: RegExp): Promise<void> {
  typed(example, ...args)
  const output = await stage.run(example, ...args)
  printed(output)
  expect(`${example} prints ${wanted}`, wanted.test(output))
}

async function start(example: string, ...args: string[]): Promise<RunningProcess> {
  typed(example, ...args, '&')
  return stage.start(example, ...args)
}

/** Stops an example as an operator does: by SIGTERM, and it leaves in good order. */
async function stop(program: RunningProcess): Promise<void> {
  const { code, stderr } = await program.kill('SIGTERM')
  expect(`it ends with exit code 0, not ${code} ${stderr}`, code === 0)
}
