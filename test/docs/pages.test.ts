// The programs of the documents run as in a user's project, and print what their comments say.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { promised } from '../support/examples.js'
import { skipped } from '../support/native.js'
import { joinPrograms, runNode, userProject } from '../support/user-project.js'
import { blocksOf } from './blocks.js'

/** Documents with programs, and whether these need native TensorFlow; the others run on the CPU. */
const PAGES: [page: string, native: boolean][] = [
  ['README.md', false],
  ['docs/compile.md', true],
  ['docs/conditional.md', false],
  ['docs/clusters.md', true],
  ['docs/library.md', false],
  ['docs/your-data.md', false],
]

/** Opened first, it is the backend of everything that names none. */
const ON_CPU = "import { openBackend } from 'elbo'\nawait openBackend('cpu')\n"

describe.each(PAGES)('%s', (page, native) => {
  test.skipIf(native && skipped !== '')(`its programs run${native ? skipped : ''}`, () => {
    const programs = blocksOf(page).filter(({ kind, code }) => kind === 'js' && code.includes('import '))
    expect(programs.length).toBeGreaterThan(0)
    const folder = userProject()
    writeFileSync(
      join(folder, 'page.mjs'),
      joinPrograms([...(native ? [] : [ON_CPU]), ...programs.map(({ code }) => code)]),
    )
    const { stdout, stderr, status } = runNode(folder, 'page.mjs')
    expect(status, stderr).toBe(0)
    const expected = programs.flatMap(({ code }) => promised(code))
    const printed = stdout.trimEnd().split('\n')
    expect(expected.length).toBeGreaterThan(0)
    expect(printed.map((line, i) => (expected[i]?.startsWith('such as') ? expected[i] : line))).toEqual(expected)
  })
})
