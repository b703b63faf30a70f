// Checks that the last commit works on Node 20, 22 and 24. For each version, from npm's package `node`, it runs the set-up, an epoch of
// training and the tests in a fresh clone. Prints a table; exits with 1 if anything failed. --quick runs only a few test files.
// node scripts/check-node-versions.mjs [--quick] [VERSION ..., default 20 22 24]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { run } from './setup/run.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const words = process.argv.slice(2)
const isQuick = words.includes('--quick')
const given = words.filter(word => word !== '--quick')
const unknown = given.find(word => !/^\d+(\.\d+){0,2}$/.test(word))
if (unknown !== undefined) {
  console.error(`${unknown}: --quick or versions of Node, such as 22 or 22.12.0, were expected`)
  process.exit(2)
}
const versions = given.length > 0 ? given : ['20', '22', '24']

/** What a version of Node may break: seeded noise, every backend with checkpoints, and the compiler. */
const FEW_TESTS = ['test/random.test.ts', 'test/backends/backends.test.ts', 'test/readme.test.ts']
const training = ['--run', 'a', '--preset', 'small', '--epochs', '1', '--train-images', '2000']
const steps = {
  'set-up': ['npm', 'run', 'setup'],
  training: ['npm', 'run', 'train', '--', ...training],
  // Long time limits, because a slow or busy machine is not the fault of Node.
  tests: ['npm', 'test', '--', '--testTimeout=600000', '--hookTimeout=600000', ...(isQuick ? FEW_TESTS : [])],
}

/** The package needs its install script, which this repository's .npmrc, or the user's, may forbid. */
const npx = ['npx', '--yes', '--ignore-scripts=false']

const changes = await must(['git', '-C', root, 'status', '--porcelain', '--untracked-files=no'])
if (changes) console.error('uncommitted changes are not checked')
const rows = []
for (const version of versions) rows.push(await check(version))
print([['requested', 'node', ...Object.keys(steps), 'tests passed'], ...rows.map(({ cells }) => cells)])
process.exitCode = rows.some(({ failed }) => failed) ? 1 : 0

/** A row of the table. The first failed step ends it; the end of that step's output goes to stderr. */
async function check(version) {
  const folder = mkdtempSync(join(tmpdir(), `elbo-node-${version}-`))
  const cells = [version]
  try {
    const said = await must([...npx, '--package', `node@${version}`, '--', 'node', '-p', 'process.execPath'])
    const node = said.split('\n').find(line => isAbsolute(line)) // npm may print other lines
    const env = { ...process.env, PATH: dirname(node ?? '') + delimiter + process.env.PATH }
    const found = await must(['node', '-p', 'process.version'], { env })
    if (!found.startsWith(`v${version}`)) throw new Error(`npm's package node@${version} holds Node ${found}`)
    cells.push(found)
    await must(['git', 'clone', '--quiet', root, folder])
    for (const [name, command] of Object.entries(steps)) {
      const started = performance.now()
      const output = await must(command, { cwd: folder, env })
      cells.push(`${((performance.now() - started) / 1000).toFixed(0)} s`)
      console.error(`Node ${found}: ${name} done`)
      if (name === 'tests') cells.push(passedTests(output))
    }
    return { cells, failed: false }
  } catch (error) {
    console.error(`Node ${version}: ${error.message}`)
    return { cells: [...cells, 'FAILED'], failed: true }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The output of a command; throws if it fails. */
async function must(command, options) {
  const { status, output } = await run(command, options)
  if (status !== 0) throw new Error(`\`${command.join(' ')}\` failed (${status}):\n${output.slice(-4000)}`)
  return output
}

/** Vitest's count, such as '41 passed | 6 skipped'; it exits with 1 if it finds no tests. */
function passedTests(output) {
  return /^\s*Tests\s+(.*?)\s*(\(\d+\))?$/m.exec(stripVTControlCharacters(output))?.[1] ?? 'not counted'
}

function print(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map(row => (row[column] ?? '').length)))
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
}
