import { relative } from 'node:path'
import type { Reporter, TestModule, Vitest } from 'vitest/node'
import { HELP } from '../../scripts/servers.mjs'
import { serversAreEmbedded } from './server-source.js'

/** Says in the end what was left out because the servers are not the real ones. */
export class LeftOut implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    // Of a run by name most tests are skipped, whatever they need.
    if (!serversAreEmbedded || this.#vitest?.config.testNamePattern !== undefined) return
    const lines = modules.flatMap((module) => {
      const tests = [...module.children.allTests()]
      const skipped = tests.filter((test) => test.result().state === 'skipped')
      if (skipped.length === 0) return []
      const path = relative(this.#vitest?.config.root ?? '', module.moduleId)
      const share =
        skipped.length === tests.length
          ? `all ${tests.length}`
          : `${skipped.length} of ${tests.length}`
      return [`  ${path}: ${share}`]
    })
    if (lines.length === 0) return
    this.#vitest?.logger.log(
      [
        '',
        'Left out: what needs the real memcached and gearmand, or programs that this machine lacks (PHP, Python, ...):',
        ...lines,
        '',
        'How to have the real servers:',
        HELP,
      ].join('\n'),
    )
  }
}
