import { spawn } from 'node:child_process'

/** Runs a program quietly; its output is shown only when it fails. */
const run = (program, args, { cwd, env }) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = []
    child.stdout.on('data', (chunk) => output.push(chunk))
    child.stderr.on('data', (chunk) => output.push(chunk))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve()
      else {
        const said = Buffer.concat(output).toString().trim()
        const end = signal === null ? `exit code ${code}` : signal
        reject(new Error(`${[program, ...args].join(' ')} ended with ${end}:\n${said}`))
      }
    })
  })

/** One step of the set-up: one line, and the commands it takes. */
export const step = async (title, commands, { cwd = process.cwd(), env = {} } = {}) => {
  const start = Date.now()
  process.stderr.write(`set-up: ${title} ... `)
  try {
    for (const [program, ...args] of commands) {
      await run(program, args, { cwd, env: { ...process.env, ...env } })
    }
  } catch (error) {
    process.stderr.write('failed\n')
    throw error
  }
  process.stderr.write(`${((Date.now() - start) / 1000).toFixed(1)} s\n`)
}
