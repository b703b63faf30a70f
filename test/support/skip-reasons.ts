/** After the tests, a line for each reason why some were skipped, which Vitest's own report of a whole run leaves out. */
import type { Reporter, TestCase, TestModule } from 'vitest/node'

/** `… (skipped: REASON)`, in the name of a test or of a suite around it. */
const REASON = /\(skipped: (.*)\)$/

export default class SkipReasons implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const found = new Map<string, TestCase[]>()
    for (const module of modules)
      for (const test of module.children.allTests('skipped')) {
        const reason = reasonOf(test)
        if (reason !== undefined) found.set(reason, [...(found.get(reason) ?? []), test])
      }
    for (const [reason, tests] of found) {
      const files = new Set(tests.map(({ module }) => module.relativeModuleId))
      console.log(`skipped ${tests.length} of ${[...files].join(', ')}: ${reason}`)
    }
  }
}

/** Undefined for a test that was left out by a name given on the command line. */
function reasonOf(test: TestCase): string | undefined {
  const result = test.result()
  if (result.state === 'skipped' && result.note !== undefined) return result.note
  for (let one: TestCase | TestCase['parent'] = test; one.type !== 'module'; one = one.parent) {
    const [, reason] = REASON.exec(one.name) ?? []
    if (reason !== undefined) return reason
  }
  return undefined
}
