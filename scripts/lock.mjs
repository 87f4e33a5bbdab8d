import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const BEAT = 2_000
const SILENCE = 30_000

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Its holder is gone, or another process has the holder's number and the heart does not beat. */
const isStale = (path) => {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    const silence = Date.now() - statSync(path).mtimeMs
    // An empty file is one that its holder is about to write.
    return pid === 0 || isAlive(pid) ? silence > SILENCE : true
  } catch {
    return false
  }
}

const take = (path) => {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    return false
  }
}

/** Removes a stale lock; one process at a time, or the second would remove a fresh one. */
const removeStale = (path) => {
  const turn = `${path}.turn`
  try {
    mkdirSync(turn)
  } catch {
    if (Date.now() - (statSync(turn, { throwIfNoEntry: false })?.mtimeMs ?? 0) > SILENCE) {
      rmSync(turn, { recursive: true, force: true })
    }
    return
  }
  try {
    if (isStale(path)) rmSync(path, { force: true })
  } finally {
    rmSync(turn, { recursive: true, force: true })
  }
}

/** Runs `work` while no other process of this checkout does. */
export const withLock = async (path, work) => {
  mkdirSync(dirname(path), { recursive: true })
  for (let waits = 0; !take(path); waits += 1) {
    if (isStale(path)) removeStale(path)
    else if (waits === 1) process.stderr.write('set-up: waiting for another one of this checkout\n')
    await sleep(100)
  }
  const beat = setInterval(() => {
    if (existsSync(path)) utimesSync(path, new Date(), new Date())
  }, BEAT)
  const release = () => {
    clearInterval(beat)
    rmSync(path, { force: true })
  }
  // process.exit, and so a signal handler that calls it, does not run `finally`.
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}
