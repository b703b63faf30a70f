// Every exported function has an example in its doc comment, which compiles for users, runs, and prints what its comments say.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format } from 'node:util'
import * as tf from '@tensorflow/tfjs'
import { transform } from 'esbuild'
import { Matrix } from 'ml-matrix'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as compile from '../src/entries/compile.js'
import * as evaluation from '../src/entries/evaluation.js'
import * as inference from '../src/entries/inference.js'
import * as models from '../src/entries/models.js'
import * as elbo from '../src/index.js'
import { useBackend } from './support/backend.js'
import { exportsOf, isFunction } from './support/declarations.js'
import { ENTRIES } from './support/entries.js'
import { type Example, examples, promised } from './support/examples.js'
import { repository } from './support/repository.js'
import { temporaryFolder } from './support/temporary-folder.js'

const found = examples()
const names = { ...evaluation, ...inference, ...models, ...compile, ...elbo, tf, Matrix }

test('every exported function has an example', () => {
  const documented = new Set(found.map(({ file, name }) => `${file}: ${name}`))
  const functions = Object.values(ENTRIES).flatMap(entry => [...exportsOf(entry).values()].filter(isFunction))
  expect(functions.length).toBeGreaterThan(80)
  const missing = functions.map(({ file, name }) => `${file}: ${name}`).filter(id => !documented.has(id))
  expect([...new Set(missing)]).toEqual([])
})

test('examples compile against the declarations of the built library', () => {
  const file = join(temporaryFolder(), 'examples.ts')
  writeFileSync(file, consumer())
  const options = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--skipLibCheck',
  ]
  const types = ['--lib', 'es2023', '--types', 'node', '--typeRoots', join(repository, 'node_modules/@types')]
  const compiler = join(repository, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [compiler, file, ...options, ...types], { encoding: 'utf8' })
  expect(stdout).toBe('')
})

/** A program of all examples, as a user's who imports from the package. */
function consumer(): string {
  const from = (path: string) => JSON.stringify(join(repository, path))
  const seen = new Set<string>()
  const imports = Object.values(ENTRIES).map((entry, i) => {
    const values = Object.keys([elbo, compile, models, inference, evaluation][i] as object).filter(
      name => !seen.has(name),
    )
    for (const name of values) seen.add(name)
    return `import { ${values.join(', ')} } from ${from(`dist/${entry}.js`)}`
  })
  const packages = [
    `import * as tf from ${from('node_modules/@tensorflow/tfjs/dist/index.js')}`,
    `import { Matrix } from ${from('node_modules/ml-matrix/matrix.js')}`,
  ]
  const bodies = found.map(({ name, code }) => `async function example_of_${name}_${seen.size}() {\n${code}\n}`)
  return [...packages, ...imports, ...bodies.map((body, i) => body.replace(/_\d+\(\)/, `_${i}()`)), 'export {}'].join(
    '\n',
  )
}

describe('runs on the CPU, and prints what its comments say', () => {
  const before = process.cwd()
  beforeEach(async () => {
    await useBackend('cpu')
    process.chdir(temporaryFolder())
  })
  afterEach(() => {
    process.chdir(before)
    vi.restoreAllMocks()
    tf.disposeVariables()
  })

  test.each(found.map(example => [`${example.file}: ${example.name}`, example] as const))('%s', async (_, example) => {
    const printed = await run(example)
    const expected = promised(example.code)
    expect(expected.length).toBeGreaterThan(0)
    if (!example.code.includes('// such as')) expect(printed).toEqual(expected)
  })
})

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<void>

/** The lines that an example prints. */
async function run({ code }: Example): Promise<string[]> {
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((...values) => void printed.push(format(...values)))
  const plain = await transform(`async () => {\n${code}\n}`, { loader: 'ts', target: 'es2022' })
  const body = plain.code.slice(plain.code.indexOf('{') + 1, plain.code.lastIndexOf('}'))
  await new AsyncFunction(...Object.keys(names), `{${body}}`)(...Object.values(names))
  return printed
}
