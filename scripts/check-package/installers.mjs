// How each package manager installs the tarball, and what the checks need beside it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must, root } from './run.mjs'

const { devDependencies, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** What a user has beside elbo: TypeScript, and the copy of tfjs-core that elbo uses. */
const beside = {
  '@tensorflow/tfjs-core': dependencies['@tensorflow/tfjs-core'],
  '@types/node': devDependencies['@types/node'],
  typescript: devDependencies.typescript,
}

function writeProject(cwd, tarball) {
  const content = {
    name: 'project',
    version: '1.0.0',
    private: true,
    type: 'module',
    dependencies: { elbo: `file:${tarball}`, ...beside },
  }
  writeFileSync(join(cwd, 'package.json'), JSON.stringify(content))
}

/** Package managers by name; `wanted` may have a version, such as npm@12. */
export const installers = {
  async npm(wanted, tarball, project) {
    writeProject(project.cwd, tarball)
    const npm = wanted === 'npm' ? ['npm'] : ['npx', '--yes', wanted]
    const said = await must([...npm, 'install', '--no-fund', '--no-audit'], project)
    // npm 12 warns of each install script that it does not run.
    if (/allow-scripts|install scripts? (was|were) (not|blocked)/i.test(said))
      throw new Error(`an install script is in the tree:\n${said}`)
    await must([...npm, 'ls', '--all'], project)
    const version = (await must([...npm, '--version'], project)).trim().split('\n').at(-1)
    return `npm ${version}; ${await audit(npm, project)}`
  },
  async pnpm(wanted, tarball, project) {
    writeProject(project.cwd, tarball)
    const pnpm = ['npx', '--yes', '--ignore-scripts=false', wanted]
    const said = await must([...pnpm, 'install', '--store-dir', `${project.home}-pnpm`], project)
    if (/Ignored build scripts/i.test(said)) throw new Error(`an install script is in the tree:\n${said}`)
    return `pnpm ${(await must([...pnpm, '--version'], project)).trim().split('\n').at(-1)}`
  },
  async yarn(wanted, tarball, project) {
    writeProject(project.cwd, tarball)
    const yarn = ['npx', '--yes', wanted]
    await must([...yarn, 'install', '--no-progress', '--non-interactive'], project)
    return `yarn ${(await must([...yarn, '--version'], project)).trim().split('\n').at(-1)}`
  },
}

/** Registries that are mirrors often have no audit. */
async function audit(npm, project) {
  try {
    await must([...npm, 'audit', '--omit=dev'], project)
    return 'no known vulnerabilities'
  } catch (error) {
    if (/audit endpoint returned an error|\b40[45]\b/.test(error.message)) return 'the registry in use has no audit'
    throw error
  }
}
