// What must hold in a project in which the package was installed.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from './run.mjs'

const training = ['--preset', 'small', '--epochs', '1', '--train-images', '500', '--validation-images', '100']

const program = `import * as tf from '@tensorflow/tfjs-core'
import { openBackend, scan } from 'elbo/compile'
import { openBackend as same, train } from 'elbo'

const { backend } = await openBackend('tensorflow')
const w = tf.variable(tf.zeros([4, 1]))
const training = scan((x) => {
  w.assign(w.add(x.sum(0).reshape([4, 1])))
  return { sum: w.sum() }
}, { mode: 'xla' })
const data = new Float32Array(3 * 2 * 4).fill(1)
const { sum } = await training.run({ data, shape: [3, 2, 4] })
if (\`\${sum}\` !== '8,16,24' || same !== openBackend || typeof train !== 'function') throw new Error(\`\${sum}\`)
console.log(\`\${backend.name}, \${training.choice?.mode}\`)
process.exit()
`

const typescript = {
  strict: true,
  noEmit: true,
  target: 'es2022',
  lib: ['es2023', 'dom'],
  types: ['node'],
  exactOptionalPropertyTypes: true,
}

/** Node versions that can require ES modules without a flag. */
const requires = ([major, minor]) => major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19)

/** Checks by name; each returns a remark, or throws an Error. */
export const checkInstalled = {
  async 'no install scripts'({ cwd }) {
    const [found, count] = installScripts(join(cwd, 'node_modules'))
    if (found.length > 0) throw new Error(`install scripts: ${found.join(', ')}`)
    return `${count} packages`
  },
  async train(project) {
    const before = [readdirSync(project.cwd), readdirSync(project.home)].map(names => new Set(names))
    const said = await must(['npx', '--no', '--', 'elbo', 'train', ...training], project)
    if (!/^backend tensorflow: /m.test(said)) throw new Error(`another backend than tensorflow:\n${said}`)
    const written = [project.cwd, project.home].map((folder, i) =>
      readdirSync(folder).filter(name => !before[i].has(name)),
    )
    const expected = [['checkpoints'], project.env.ELBO_CACHE ? [] : ['.cache']]
    if (JSON.stringify(written) !== JSON.stringify(expected))
      throw new Error(`files were written: ${JSON.stringify(written)}`)
    return /validation ELBO \S+/.exec(said)?.[0]
  },
  async 'import from JavaScript'(project) {
    writeFileSync(join(project.cwd, 'program.mjs'), program)
    return (await must(['node', 'program.mjs'], project)).trim()
  },
  async 'types for nodenext and bundler'(project) {
    writeFileSync(join(project.cwd, 'program.mts'), program)
    for (const module of ['nodenext', 'bundler']) {
      const resolution = module === 'bundler' ? { module: 'esnext', moduleResolution: module } : { module }
      const content = { compilerOptions: { ...typescript, ...resolution, skipLibCheck: true }, files: ['program.mts'] }
      writeFileSync(join(project.cwd, `${module}.json`), JSON.stringify(content))
      await must(['npx', '--no', '--', 'tsc', '-p', `${module}.json`], project)
    }
  },
  async 'require from CommonJS'(project) {
    writeFileSync(
      join(project.cwd, 'program.cjs'),
      "console.log(typeof require('elbo').openBackend, typeof require('elbo/compile').scan)\n",
    )
    const version = (await must(['node', '-p', 'process.versions.node'], project)).trim().split('.').map(Number)
    try {
      const said = await must(['node', '--no-warnings', 'program.cjs'], project)
      if (said.trim() !== 'function function') throw new Error(said)
      return undefined
    } catch (error) {
      if (requires(version) || !/ERR_REQUIRE_ESM/.test(error.message)) throw error
      return 'refused with ERR_REQUIRE_ESM, as this Node requires no ES modules'
    }
  },
}

/** The installed packages with a script that a package manager would run, and the number of all packages. */
function installScripts(folder) {
  const found = []
  let count = 0
  for (const path of packages(folder)) {
    const { name, scripts = {} } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
    count++
    for (const script of ['preinstall', 'install', 'postinstall'])
      if (script in scripts) found.push(`${name} (${script})`)
  }
  return [found, count]
}

/** The folders of all packages below a node_modules, nested ones and pnpm's included. */
function packages(folder) {
  const names = list(folder).flatMap(name =>
    name.startsWith('@') ? list(join(folder, name)).map(inner => join(name, inner)) : [name],
  )
  return names.flatMap(name => {
    const path = join(folder, name)
    if (name === '.pnpm') return list(path).flatMap(inner => packages(join(path, inner, 'node_modules')))
    if (name.startsWith('.')) return []
    return [...(list(path).includes('package.json') ? [path] : []), ...packages(join(path, 'node_modules'))]
  })
}

function list(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
