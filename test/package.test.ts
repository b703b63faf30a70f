// The package as `npm pack` makes it: its files, sizes, exports and dependencies. scripts/check-package.mjs installs it and runs it.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { repository } from './support/repository.js'

const read = (path: string) => readFileSync(join(repository, path), 'utf8')

interface Manifest {
  exports: Record<string, string | { types: string; default: string }>
  imports: Record<string, string | { types: string; default: string }>
  bin: Record<string, string>
  version: string
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
  devDependencies: Record<string, string>
  scripts: Record<string, string>
}

interface Locked {
  dev?: boolean
  optional?: boolean
  hasInstallScript?: boolean
}

const manifest: Manifest = JSON.parse(read('package.json'))
const locked: Record<string, Locked> = JSON.parse(read('package-lock.json')).packages

interface Packed {
  files: { path: string; size: number }[]
  unpackedSize: number
  size: number
}

function pack(): Packed {
  const options = { cwd: repository, encoding: 'utf8', shell: process.platform === 'win32' } as const
  const { stdout, stderr } = spawnSync(
    'npm',
    ['pack', '--dry-run', '--json', '--loglevel=error', '--ignore-scripts'],
    options,
  )
  expect(stderr).toBe('')
  return JSON.parse(stdout)[0]
}

const packed = pack()
const paths = packed.files.map(({ path }) => path)

describe('the tarball', () => {
  test('holds the program, what it is made of, documents and licences, and nothing else', () => {
    const expected = /^(dist|src|docs)\/|^(README|CHANGELOG|SECURITY)\.md$|^LICENSE$|^package\.json$/
    expect(paths.filter(path => !expected.test(path))).toEqual([])
    for (const path of ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', 'dist/vendor/LICENSES.txt'])
      expect(paths).toContain(path)
    expect(paths.filter(path => /\.tsbuildinfo|\.elbo-build|\.tfjs-suite|setup\.lock|\.test\./.test(path))).toEqual([])
  })

  test('keeps its budget: megabytes, files, packages that are installed with it', () => {
    // dist/web, the page of `elbo explore` with the fonts of its equations and TF.js's backends for browsers, is 0.9 MB of it, 2.9 MB unpacked.
    expect(packed.size).toBeLessThan(3e6)
    expect(packed.unpackedSize).toBeLessThan(11e6)
    expect(paths.length).toBeLessThan(2600) // each source gives five files
    expect(
      Object.entries(locked).filter(([path, { dev, optional }]) => path !== '' && !dev && !optional).length,
    ).toBeLessThanOrEqual(112)
  })

  test('has every file that exports, imports and bin name, with the types beside', () => {
    const named = [...Object.values(manifest.exports), ...Object.values(manifest.imports)].flatMap(entry =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    )
    for (const path of [...named, ...Object.values(manifest.bin)]) expect(paths).toContain(path.replace(/^\.\//, ''))
  })

  test('names the licence of every package whose code is bundled', () => {
    const licences = read('dist/vendor/LICENSES.txt')
    for (const name of [
      '@tensorflow/tfjs-core',
      '@tensorflow/tfjs-node',
      'google-protobuf',
      'hyparquet-writer',
      'koffi',
      'long',
    ])
      expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'))
    expect(licences).toContain('Apache License')
    for (const name of ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-webgl'])
      expect(read('dist/web/LICENSES.txt')).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'))
  })

  test('has a section of the changelog for its version', () => {
    expect(read('CHANGELOG.md')).toContain(`## ${manifest.version}\n`)
  })
})

describe('the dependencies', () => {
  test('run no install script, and neither does elbo', () => {
    const scripts = Object.entries(locked).filter(([, { dev, hasInstallScript }]) => hasInstallScript && !dev)
    expect(scripts.map(([path]) => path)).toEqual([])
    expect(Object.keys(manifest.scripts).filter(name => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([])
  })

  test('are all that the sources import', () => {
    const known = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.imports), ...builtinModules])
    // What the user installs for the backend webgpu is looked for by a name that no import states.
    // What programs import that a model card shows is for its readers to install.
    const own = sources('src').filter(path => path !== 'src/commands/export/snippets.ts')
    const foreign = own.flatMap(path => {
      // What src/web imports is bundled.
      const here = path.startsWith('src/web/') ? new Set([...known, ...Object.keys(manifest.devDependencies)]) : known
      return [...read(path).matchAll(/(?:\bfrom |\bimport\(|\brequire\(|^import )'([^'.\n][^'\n]*)'/gm)]
        .map(([, name = '']) => name.replace(/^node:/, ''))
        .filter(name => !here.has(/^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? '') && !here.has(name))
        .map(name => `${path}: ${name}`)
    })
    expect(foreign).toEqual([])
  })

  test("have all of koffi's prebuilt libraries, in the version of the bundled loader", () => {
    const koffi: Manifest = JSON.parse(read('node_modules/koffi/package.json'))
    expect(manifest.optionalDependencies).toEqual(koffi.optionalDependencies)
    expect(read('dist/vendor/koffi.js')).toContain(`version: "${manifest.devDependencies.koffi}"`)
  })
})

const sources = (folder: string): string[] =>
  readdirSync(join(repository, folder), { withFileTypes: true }).flatMap(entry =>
    entry.isDirectory() ? sources(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`],
  )
