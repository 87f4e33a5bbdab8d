/**
 * Handlers for the runner: every exported function is served under its name.
 *
 *     npx glammp-worker examples/gearman/handlers/*.js --concurrency 8
 *
 * title-client.ts, priorities.ts and job-status-client.ts ask for this one.
 */

/** PHP's ucwords(): the first letter after white space in upper case. Here É counts as a letter. */
export function title(job) {
  return job
    .workload()
    .toLowerCase()
    .replace(/(?<!\S)\p{Ll}/gu, (letter) => letter.toUpperCase())
}
