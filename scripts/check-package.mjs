// Checks the packed package as its users get it: for each package manager and version of Node, installs the tarball into an empty folder with
// a space in its name and an empty home, trains by `elbo train` on native TensorFlow, and imports it from JavaScript and TypeScript.
// Prints a table; exits with 1 if anything failed.
// node scripts/check-package.mjs [--managers npm,npm@12,pnpm,yarn] [--nodes 20,22,24]   (default: npm and node of this shell)
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkInstalled } from './check-package/checks.mjs'
import { installers } from './check-package/installers.mjs'
import { newProject } from './check-package/project.mjs'
import { must, nodeFolder, root } from './check-package/run.mjs'

const { values } = parseArgs({
  options: { managers: { type: 'string', default: 'npm' }, nodes: { type: 'string', default: 'here' } },
})
const managers = values.managers.split(',')
const unknown = managers.find(name => !(name.split('@')[0] in installers))
if (unknown !== undefined) {
  console.error(`${unknown}: one of ${Object.keys(installers).join(', ')}, with a version such as npm@12, was expected`)
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'elbo-package-'))
let failures = 0
try {
  await must(['node', 'scripts/setup.mjs'], { cwd: root })
  const packed = JSON.parse(
    await must(['npm', 'pack', '--json', '--loglevel=error', '--pack-destination', folder], { cwd: root }),
  )
  console.log(`${packed[0].filename}: ${packed[0].entryCount} files, ${(packed[0].unpackedSize / 1e6).toFixed(1)} MB`)
  for (const node of values.nodes.split(','))
    for (const manager of managers) await check(join(folder, packed[0].filename), manager, node)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failures > 0 ? 1 : 0

/** Prints a line for each check of one package manager on one Node; the first failure ends them. */
async function check(tarball, manager, node) {
  const project = newProject(folder, await nodeFolder(node))
  const title = `${manager}, Node ${(await must(['node', '--version'], project)).trim()}`
  try {
    for (const [name, run] of Object.entries({
      install: () => installers[manager.split('@')[0]](manager, tarball, project),
      ...checkInstalled,
    })) {
      const started = performance.now()
      const said = await run(project)
      const seconds = ((performance.now() - started) / 1000).toFixed(0)
      console.log(`${title}: ${name} ok, ${seconds} s${said ? ` (${said})` : ''}`)
    }
  } catch (error) {
    failures++
    console.log(`${title}: FAILED\n${error.message}`)
  }
}
