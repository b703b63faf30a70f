// The layers of docs/architecture.md, held by reading every import of src/.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const SRC = resolve(import.meta.dirname, '../src')

/** Layer of each file or folder directly below src/; imports go down or stay. */
const LAYERS: Record<string, number> = {
  'random.ts': 0,
  libtensorflow: 0,
  plots: 0,
  'checkpoints/files.ts': 0,
  'checkpoints/safetensors.ts': 0,
  'data/idx.ts': 0,
  'settings.ts': 0,
  'interruption.ts': 0,
  'aligned-rows.ts': 0,
  'linear-algebra.ts': 0,
  'special-functions.ts': 0,
  distributions: 1,
  backends: 1,
  compile: 1,
  models: 2,
  objectives: 3,
  inference: 3,
  evaluation: 3,
  'settings-table.ts': 0,
  'config.ts': 4,
  'config-rules.ts': 4,
  comparison: 4,
  benchmark: 4,
  'em-config.ts': 4,
  'em-session.ts': 4,
  'em-pictures.ts': 4,
  data: 4,
  checkpoints: 4,
  'session.ts': 4,
  'pictures.ts': 4,
  'train.ts': 4,
  'training-records.ts': 4,
  'warm-start.ts': 4,
  'index.ts': 5,
  'cli.ts': 5,
  cli: 5,
}

const files = (folder: string): string[] =>
  readdirSync(folder).flatMap(name => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? files(path) : [path]
  })

const sources = files(SRC).map(path => ({ path: relative(SRC, path), imports: imports(path) }))

function imports(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  return [...text.matchAll(/(?:\bfrom |\bimport\(|^import )'([^'\n]+)'/gm)].map(([, name]) =>
    name?.startsWith('.') ? relative(SRC, join(dirname(path), name)).replace(/\.js$/, '.ts') : (name as string),
  )
}

function layer(path: string): number {
  const found = LAYERS[path] ?? LAYERS[path.split('/')[0] as string]
  if (found === undefined) throw new Error(`src/${path} has no layer: add it to this table and to docs/architecture.md`)
  return found
}

test('every import goes down or stays in its layer', () => {
  const upward = sources.flatMap(({ path, imports }) =>
    imports
      .filter(name => !/^(node:|@|[a-z])/.test(name) || sources.some(source => source.path === name))
      .filter(name => layer(name) > layer(path))
      .map(name => `${path} -> ${name}`),
  )
  expect(upward).toEqual([])
})

test('what learns knows nothing of Node, the console, the clock or compilation', () => {
  const pure = sources.filter(({ path }) => /^(distributions|models|objectives|inference)\//.test(path))
  expect(pure.length).toBeGreaterThan(5)
  for (const { path, imports } of pure) {
    expect(
      imports.filter(name => name.startsWith('node:') || name.startsWith('compile/')),
      path,
    ).toEqual([])
    expect(readFileSync(join(SRC, path), 'utf8'), path).not.toMatch(/console\.|Date\.now|performance\.now|process\./)
  }
})

test('backends and compilation know nothing of models', () => {
  const below = sources.filter(({ path }) => /^(backends|compile)\//.test(path))
  expect(
    below.flatMap(({ imports }) => imports).filter(name => /^(models|objectives|inference|evaluation)\//.test(name)),
  ).toEqual([])
})

/** The text of a source without its comments. */
const code = (path: string) => readFileSync(join(SRC, path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')

test('one file makes random numbers', () => {
  const others = sources.filter(({ path }) => path !== 'random.ts' && path !== 'compile/outside.ts') // the latter refuses Math.random
  for (const { path } of others)
    expect(code(path), path).not.toMatch(/Math\.random|tf\.random\w*\(|tf\.truncatedNormal/)
})
