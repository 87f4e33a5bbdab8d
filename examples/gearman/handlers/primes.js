/**
 * A handler that computes: with `--sandbox` it runs in a thread, and others are served meanwhile.
 *
 *     npx glammp-worker examples/gearman/handlers/*.js --sandbox --concurrency 2
 */

/** For all functions of this file. */
export const options = { timeout: 60_000, codec: 'json' }

/** How many primes there are below the workload. */
export async function primes(job) {
  const limit = job.workload()
  let count = 0
  for (let number = 2; number < limit; number += 1) {
    if (isPrime(number)) count += 1
    if (number % 100_000 === 0) await job.sendStatus(number, limit)
  }
  return count
}

function isPrime(number) {
  for (let divisor = 2; divisor * divisor <= number; divisor += 1) {
    if (number % divisor === 0) return false
  }
  return true
}
