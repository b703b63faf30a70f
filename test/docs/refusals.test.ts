// docs/compile.md has every refusal: what it shows as refused is refused with that message, and what it shows instead compiles.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CompileRefusal } from '../../src/compile/refusal.js'
import { scan } from '../../src/compile/scan.js'
import type { Step } from '../../src/compile/step.js'
import * as random from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { repository } from '../support/repository.js'
import { floatBatches } from '../support/steps.js'
import { blocksOf } from './blocks.js'

const PAGE = 'docs/compile.md'
const shown = blocksOf(PAGE).filter(
  ({ kind, code }) => kind.startsWith('js') && /^const step = /m.test(code) && !code.includes('import '),
)

/** The step that a block defines. */
function stepOf(code: string): Step<object> {
  const names = { tf, ...random }
  return new Function(...Object.keys(names), `${code}\nreturn step`)(...Object.values(names)) as Step<object>
}

const run = (code: string) => scan(stepOf(code), { mode: 'graph' }).run(floatBatches(3, [4]), { key: 1 })

describe.skipIf(skipped !== '')(`the blocks${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))
  afterEach(() => tf.disposeVariables())

  test.each(shown.filter(({ kind }) => kind === 'js refused'))('are refused: $heading', async ({ heading, code }) => {
    const error = await run(code).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CompileRefusal)
    expect((error as CompileRefusal).summary).toContain(heading)
  })

  test.each(shown.filter(({ kind }) => kind === 'js'))('compile: $heading', async ({ code }) => {
    expect(Object.keys(await run(code)).length).toBeGreaterThan(0)
  })

  test('there is a step to write instead for each that is refused', () => {
    const kinds = shown.map(({ kind }) => kind)
    expect(kinds.length).toBeGreaterThan(20)
    expect(kinds).toEqual(kinds.map((_, i) => (i % 2 === 0 ? 'js refused' : 'js')))
  })
})

test('the page names every refusal of src/compile', () => {
  const text = readFileSync(join(repository, PAGE), 'utf8')
  const folder = join(repository, 'src/compile')
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const reasons = sources.flatMap(name =>
    [...readFileSync(join(folder, name), 'utf8').matchAll(/new CompileRefusal\(\s*(['`])((?:(?!\1).)*)\1/g)].map(
      ([, , reason = '']) => reason,
    ),
  )
  expect(reasons.length).toBeGreaterThan(12)
  // The fixed words of each message; what stands in ${} is the user's own.
  const missing = reasons.filter(reason => {
    const parts = reason.split(/\$\{(?:[^{}]|\{[^}]*\})*\}/).map(part => part.trim().replace(/[:(]$/, ''))
    return !parts.every(part => text.includes(part.trim()))
  })
  expect(missing).toEqual([])
})
