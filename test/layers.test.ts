// The layers of docs/architecture.md, held by reading every import of src/: one folder is one layer, imports go down, and there is no circle.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from './support/repository.js'

const SRC = join(repository, 'src')

/** Folders and files directly below src/, lowest first. Nothing imports what stands below it in this list. */
const LAYERS = [
  'random.ts',
  'interruption.ts',
  'numeric',
  'settings',
  'files',
  'libtensorflow',
  'setup',
  'backends',
  'collectives',
  'plots',
  'distributions',
  'compile',
  'data',
  'models',
  'objectives',
  'sampling',
  'inference',
  'evaluation',
  'methods',
  'runs',
  'library',
  'explore',
  'web',
  'entries',
  'commands',
  'index.ts',
  'cli.ts',
]

const filesIn = (folder: string): string[] =>
  readdirSync(folder).flatMap(name => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesIn(path) : [path]
  })

/** The text of a source without its comments. */
const code = (path: string) => readFileSync(join(SRC, path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')

function importsOf(path: string): string[] {
  return [...code(path).matchAll(/(?:\bfrom |\bimport\(|^import )'([^'\n]+)'/gm)].map(([, name]) =>
    name?.startsWith('.') ? relative(SRC, join(SRC, dirname(path), name)).replace(/\.js$/, '.ts') : (name as string),
  )
}

const sources = new Map(
  filesIn(SRC)
    .map(path => relative(SRC, path))
    .map(path => [path, importsOf(path)]),
)

/** The imports of a source that lie in src/. */
const own = (path: string): string[] => (sources.get(path) ?? []).filter(name => sources.has(name))

function layer(path: string): number {
  const found = LAYERS.indexOf(path.split('/')[0] as string)
  if (found < 0) throw new Error(`src/${path} has no layer: add it to this list and to docs/architecture.md`)
  return found
}

test('every import goes down, or stays in its folder', () => {
  const upward = [...sources.keys()].flatMap(path =>
    own(path)
      .filter(name => layer(name) > layer(path))
      .map(name => `${path} -> ${name}`),
  )
  expect(upward).toEqual([])
})

test('no file imports itself by way of others, types included', () => {
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (path: string, above: readonly string[]) => {
    if (above.includes(path)) circles.push([...above.slice(above.indexOf(path)), path].join(' -> '))
    if (done.has(path) || above.includes(path)) return
    for (const name of own(path)) visit(name, [...above, path])
    done.add(path)
  }
  for (const path of sources.keys()) visit(path, [])
  expect(circles).toEqual([])
})

test('elbo/compile loads no layer above compile/', () => {
  const above = own('entries/compile.ts').filter(name => layer(name) > LAYERS.indexOf('compile'))
  expect(above).toEqual([])
})

test('at most four files lie at the root of src/', () => {
  expect([...sources.keys()].filter(path => !path.includes('/')).length).toBeLessThanOrEqual(4)
})

test('no command but compare imports from the folder of another command', () => {
  const folders = readdirSync(join(SRC, 'commands')).filter(name => !name.includes('.'))
  const across = [...sources.keys()].flatMap(path => {
    const [, folder = ''] = path.split('/')
    if (!path.startsWith('commands/') || !folders.includes(folder)) return []
    return own(path).filter(name => /^commands\/[^/]+\//.test(name) && !name.startsWith(`commands/${folder}/`))
  })
  expect(across).toEqual([
    'commands/compare/compare-file.ts', // `check` reads what `compare` writes
    'commands/compare/compare-settings.ts',
    'commands/train/train.ts', // `compare` trains as `train` does
  ])
})

test('models, objectives and algorithms do not use Node, the console or the clock', () => {
  const pure = [...sources.keys()].filter(path => /^(distributions|models|objectives|sampling|inference)\//.test(path))
  expect(pure.length).toBeGreaterThan(40)
  for (const path of pure) {
    expect(
      sources.get(path)?.filter(name => name.startsWith('node:')),
      path,
    ).toEqual([])
    expect(code(path), path).not.toMatch(/console\.|Date\.now|performance\.now|process\./)
  }
})

test('what is compiled does not import the compiler', () => {
  const steps = [...sources.keys()].filter(path => /^(distributions|models|objectives|inference)\//.test(path))
  expect(steps.flatMap(own).filter(name => name.startsWith('compile/'))).toEqual([])
})

test('no source tells methods apart by their names or settings', () => {
  const names = /isEm|isExact|asVae|'annealer' in|'model' in|endsWith\('mixture'\)/
  for (const path of sources.keys()) expect(code(path), path).not.toMatch(names)
})

test('only random.ts makes random numbers', () => {
  const refuses = 'compile/record/outside.ts' // Math.random within a step
  const shows = 'commands/export/snippets.ts' // the text of programs for readers of a model card
  for (const path of sources.keys())
    if (path !== 'random.ts' && path !== refuses && path !== shows)
      expect(code(path), path).not.toMatch(/Math\.random|tf\.random\w*\(|tf\.truncatedNormal/)
})
