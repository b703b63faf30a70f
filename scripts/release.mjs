// Makes ready a release, and says the steps that publish it, which a person takes: node scripts/release.mjs
// Checks that the working tree is clean, on main, with a changelog of this version and a version that is not published; then runs the checks of
// the package. It publishes nothing itself.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './setup/run.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { name, version, repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const problems = [
  [(await git('status', '--porcelain')) !== '', 'the working tree has changes: commit them'],
  [(await git('branch', '--show-current')) !== 'main', 'this is not the branch main'],
  [(await git('tag', '--list', `v${version}`)) !== '', `the tag v${version} exists: raise the version in package.json`],
  [
    !readFileSync(join(root, 'CHANGELOG.md'), 'utf8').includes(`## ${version}\n`),
    `CHANGELOG.md has no section ${version}`,
  ],
  [repository === undefined, 'package.json has no repository, which provenance names'],
  [
    await isForeign(),
    `on npm's registry the name ${name} belongs to another package: give this one a name of its own, such as @OWNER/${name}`,
  ],
  [(await run(['npm', 'view', `${name}@${version}`, 'version'])).output.trim() === version, `${version} is published`],
]
for (const [isWrong, problem] of problems) {
  if (!isWrong) continue
  console.error(`release: ${problem}`)
  process.exitCode = 1
}
if (process.exitCode === 1) process.exit()

for (const command of [
  ['.ci/run'],
  ['node', 'scripts/check-package.mjs', '--managers', 'npm,npm@12,pnpm,yarn', '--nodes', '20,22,24'],
]) {
  console.error(`release: ${command.join(' ')}`)
  const { status, output } = await run(command, { cwd: root })
  if (status === 0) continue
  console.error(output.slice(-4000))
  console.error(`release: ${command.join(' ')} failed (${status})`)
  process.exit(1)
}

console.log(`ready. To publish ${name} ${version}:
  1. git tag -s v${version} -m 'elbo ${version}' && git push origin main v${version}
  2. In a workflow of the hosting site that npm trusts as a publisher, with permission to ask for an identity token (id-token: write), on that
     tag: npm ci --ignore-scripts && npm run build && npm publish --provenance --access public
     Only such a workflow can state where the package was built from; from a terminal, --provenance is refused.
  3. In an empty folder: npm install ${name}@${version} && npm audit signatures
  4. Publish the section ${version} of CHANGELOG.md as the notes of the release.`)

/** Whether the registry has a package of this name that is another program. */
async function isForeign() {
  const { status, output } = await run(['npm', 'view', name, 'bin', '--json'])
  return status === 0 && !output.includes('dist/cli.js')
}

/** What git prints, without the end of line. */
async function git(...args) {
  const { status, output } = await run(['git', ...args], { cwd: root })
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${output}`)
  return output.trim()
}
