import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** They take the longest: begun among the last, they would go on alone. */
const LONGEST = [
  'test/packaging/packaging.test.ts',
  'test/memcache/slow-line.test.ts',
  'test/main-job/demo.test.ts',
  'test/gearman/runner-corners.test.ts',
  'test/main-job/documents.test.ts',
  'test/main-job/testing-guide.test.ts',
]

const rank = ({ moduleId }: TestSpecification): number => {
  const index = LONGEST.findIndex((name) => moduleId.endsWith(name))
  return index < 0 ? LONGEST.length : index
}

/** The order of test files: the longest, then all others as vitest has them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.sort((a, b) => rank(a) - rank(b))
  }
}
