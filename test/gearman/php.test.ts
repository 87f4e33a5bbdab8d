import { GearmanWorker, JobFailure } from '@glammp/gearman'
import { afterAll, beforeEach, expect } from 'vitest'
import { test } from '../support/gearman.js'
import type { GearmandServer } from '../support/gearmand.js'
import { type RunningProcess, run, startProcess } from '../support/process.js'
import { waitFor } from '../support/wait.js'

const probe = await run('php', ['-r', 'echo phpversion("gearman");']).catch(() => undefined)
const hasPhp = probe?.code === 0 && probe.stdout !== ''
let phpWorker: RunningProcess

/** A PHP program; `$argv[1]` and `$argv[2]` are host and port of the job server. */
const php = (server: GearmandServer, program: string): [string, string[]] => [
  'php',
  ['-d', 'display_errors=stderr', '-r', program, server.host, String(server.port)],
]

const PHP_WORKER = `
$worker = new GearmanWorker();
$worker->addServer($argv[1], $argv[2]);
$worker->addFunction('php_title', function ($job) {
  return ucwords(strtolower($job->workload()));
});
$worker->addFunction('php_steps', function ($job) {
  $job->sendStatus(0, 2);
  $job->sendData("one\\0two");
  $job->sendStatus(1, 2);
  $job->sendWarning('careful');
  $job->sendStatus(2, 2);
  return $job->unique() . '/' . $job->functionName() . '/' . $job->workloadSize();
});
$worker->addFunction('php_waits', function ($job) use ($argv) {
  $job->sendStatus(1, 2);
  $client = new GearmanClient();
  $client->addServer($argv[1], $argv[2]);
  $client->doNormal('gate', 'x');
});
$worker->addFunction('php_fail', function ($job) { $job->sendFail(); });
$worker->addFunction('php_exception', function ($job) { $job->sendException('from PHP'); });
$worker->addFunction('php_bytes', function ($job) { return strrev($job->workload()); });
echo "working\\n";
while ($worker->work());
`

test.beforeAll(async ({ server, worker }) => {
  if (!hasPhp) return
  worker.addFunction('title', (job) =>
    job
      .workload()
      .toLowerCase()
      .replace(/\b\w/g, (letter) => letter.toUpperCase()),
  )
  worker.addFunction('steps', async (job) => {
    await job.sendStatus(1, 2)
    await job.sendData('part')
    await job.sendWarning('careful')
    return 'done'
  })
  worker.addFunction('unique', (job) => job.unique)
  worker.addFunction('reverse', (job) => Buffer.from(job.workloadBuffer).reverse())
  worker.addFunction('fail', () => {
    throw new JobFailure()
  })
  worker.addFunction('exception', () => {
    throw new Error('from Node')
  })
  phpWorker = startProcess(...php(server, PHP_WORKER))
  await phpWorker.waitForOutput('working')
})

beforeEach(({ skip }) => {
  skip(!hasPhp, 'php with the gearman extension is not installed')
})

afterAll(async () => {
  await phpWorker?.kill('SIGKILL')
})

async function phpSays(server: GearmandServer, program: string): Promise<string> {
  const client = '$client = new GearmanClient(); $client->addServer($argv[1], $argv[2]);'
  const { code, stdout, stderr } = await run(...php(server, client + program))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

test('a PHP worker serves our client', async ({ client }) => {
  expect(await client.do('php_title', 'o Ivo andava de PATINS!!!')).toBe(
    'O Ivo Andava De Patins!!!',
  )
  const said: unknown[] = []
  const result = await client.do('php_steps', 'workload', {
    unique: 'an id',
    onStatus: (numerator, denominator) => said.push([numerator, denominator]),
    onData: (chunk) => said.push(chunk),
    onWarning: (text) => said.push(text),
  })
  expect(result).toBe('an id/php_steps/8')
  expect(said).toEqual([[0, 2], 'one\0two', [1, 2], 'careful', [2, 2]])
})

test('failures of a PHP worker reach our client', async ({ client }) => {
  await expect(client.do('php_fail')).rejects.toMatchObject({ code: 'ERR_GEARMAN_JOB_FAILED' })
  await expect(client.do('php_exception')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_JOB_EXCEPTION',
    remoteMessage: 'from PHP',
  })
})

test('bytes of any value go to a PHP worker and back', async ({ client }) => {
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256))
  const back = await client.do<Buffer>('php_bytes', bytes, { codec: 'buffer' })
  expect(back.equals(Buffer.from(bytes).reverse())).toBe(true)
})

test('our worker serves a PHP client, in the foreground at every priority', async ({ server }) => {
  const output = await phpSays(
    server,
    `
    foreach (['doNormal', 'doHigh', 'doLow'] as $method) {
      echo $client->$method('title', 'o Ivo andava de PATINS!!!'), "\\n";
    }`,
  )
  expect(output).toBe('O Ivo Andava De Patins!!!\n'.repeat(3))
})

test('status, data and warnings of our worker reach a PHP task', async ({ server }) => {
  const output = await phpSays(
    server,
    `
    $client->setStatusCallback(function ($task) {
      echo 'status ', $task->taskNumerator(), '/', $task->taskDenominator(), "\\n";
    });
    $client->setDataCallback(function ($task) { echo 'data ', $task->data(), "\\n"; });
    $client->setWarningCallback(function ($task) { echo 'warning ', $task->data(), "\\n"; });
    $client->setCompleteCallback(function ($task) { echo 'complete ', $task->data(), "\\n"; });
    $client->setFailCallback(function ($task) { echo "fail\\n"; });
    $client->addTask('steps', 'x');
    $client->runTasks();
    $client->addTask('fail', 'x');
    $client->runTasks();`,
  )
  expect(output).toBe('status 1/2\ndata part\nwarning careful\ncomplete done\nfail\n')
})

test('our worker serves a PHP client in the background, and PHP asks for the status', async ({
  server,
}) => {
  const output = await phpSays(
    server,
    `
    $handle = $client->doBackground('title', 'o PHp');
    echo $client->returnCode() == GEARMAN_SUCCESS ? 'queued' : 'not queued', "\\n";
    do { usleep(10000); $stat = $client->jobStatus($handle); } while ($stat[0]);
    echo "done\\n";`,
  )
  expect(output).toBe('queued\ndone\n')
})

test('uniques and bytes mean the same to a PHP client', async ({ server }) => {
  const output = await phpSays(
    server,
    `
    echo $client->doNormal('unique', 'x', 'id from PHP'), "\\n";
    echo bin2hex($client->doNormal('reverse', "a\\0\\xff")), "\\n";`,
  )
  expect(output).toBe('id from PHP\nff0061\n')
})

test('an exception of our worker reaches a PHP task', async ({ server }) => {
  const output = await phpSays(
    server,
    `
    $client->setExceptionCallback(function ($task) { echo 'exception ', $task->data(), "\\n"; });
    $client->setCompleteCallback(function ($task) { echo 'complete ', $task->data(), "\\n"; });
    $client->addTask('exception', 'x');
    $client->addTask('title', 'a b');
    $client->runTasks();`,
  )
  expect(output.split('\n').sort()).toEqual(['', 'complete A B', 'exception from Node'])
})

test('a PHP client is told the status of a job that we submitted, and we of its job', async ({
  server,
  client,
}) => {
  const ours = await client.doBackground('unserved', 'x')
  const output = await phpSays(
    server,
    `
    echo json_encode($client->jobStatus('${ours.slice(ours.indexOf('//') + 2)}')), "\\n";
    echo $client->doBackground('unserved', 'y');`,
  )
  const [status = '', theirs = ''] = output.split('\n')
  expect(JSON.parse(status)).toEqual([true, false, 0, 0])
  expect(await client.jobStatus(theirs)).toMatchObject({ known: true, running: false })
})

/** A function of our worker that ends its jobs when the test says so. */
function gate(
  worker: GearmanWorker,
  name: string,
): { readonly begun: () => number; readonly open: () => void } {
  const waiting: ((result: string) => void)[] = []
  let begun = 0
  worker.addFunction(name, async (job) => {
    await job.sendStatus(1, 2)
    return await new Promise<string>((resolve) => {
      begun += 1
      waiting.push(resolve)
    })
  })
  return {
    begun: () => begun,
    open: () => {
      for (const end of waiting.splice(0)) end('opened')
    },
  }
}

test('a PHP worker serves our client at every priority, high before normal before low', async ({
  server,
  client,
}) => {
  for (const method of ['do', 'doHigh', 'doLow'] as const) {
    expect(await client[method]('php_title', 'o PHp')).toBe('O Php')
  }
  await client.doLowBackground('php_ordered', 'low')
  await client.doBackground('php_ordered', 'normal')
  await client.doHighBackground('php_ordered', 'high')
  const program = php(
    server,
    `
    $worker = new GearmanWorker();
    $worker->addServer($argv[1], $argv[2]);
    $worker->addFunction('php_ordered', function ($job) { echo $job->workload(), "\\n"; });
    for ($job = 0; $job < 3; $job++) $worker->work();`,
  )
  expect((await run(...program)).stdout).toBe('high\nnormal\nlow\n')
})

test('our worker serves the background jobs of PHP, high before normal before low', async ({
  server,
}) => {
  await phpSays(
    server,
    `
    foreach (['doLowBackground', 'doBackground', 'doHighBackground'] as $method) {
      $client->$method('from_php', $method);
    }`,
  )
  const seen: string[] = []
  await using single = new GearmanWorker(server.address)
  single.addFunction('from_php', (job) => {
    seen.push(job.workload())
  })
  void single.work()
  await waitFor(() => seen.length === 3)
  expect(seen).toEqual(['doHighBackground', 'doBackground', 'doLowBackground'])
})

test('the progress of a background job: ours of a PHP worker, and the other way round', async ({
  server,
  client,
  worker,
}) => {
  const { open, begun } = gate(worker, 'gate')
  const handle = await client.doBackground('php_waits', 'x')
  await waitFor(() => begun() === 1)
  expect(await client.jobStatus(handle)).toEqual({
    known: true,
    running: true,
    numerator: 1,
    denominator: 2,
  })
  open()
  await waitFor(async () => !(await client.jobStatus(handle)).known)
  const asked = phpSays(
    server,
    `
    $handle = $client->doBackground('gate', 'x');
    do { usleep(10000); $stat = $client->jobStatus($handle); } while (!$stat[2]);
    echo json_encode($stat);`,
  )
  await waitFor(() => begun() === 2)
  expect(JSON.parse(await asked)).toEqual([true, true, 1, 2])
  open()
})

test('a job of ours and one of PHP with equal uniques are one job', async ({
  server,
  client,
  worker,
}) => {
  const { open, begun } = gate(worker, 'shared')
  const ours = client.do('shared', 'x', { unique: 'both' })
  const theirs = phpSays(server, `echo $client->doNormal('shared', 'x', 'both');`)
  await waitFor(async () => (await client.jobStatusByUnique('both')).waiting === 2)
  await waitFor(() => begun() === 1)
  open()
  expect([await ours, await theirs]).toEqual(['opened', 'opened'])
  expect(begun()).toBe(1)
})
