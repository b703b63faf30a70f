// Runs programs for check-package.mjs.
import { dirname, isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../setup/run.mjs'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** The output of a command; throws an Error with its end if it fails. */
export async function must(command, { cwd, env } = {}) {
  const { status, output } = await run(command, { cwd, env })
  if (status !== 0) throw new Error(`\`${command.join(' ')}\` failed (${status}):\n${output.slice(-4000)}`)
  return output
}

/** The folder of a Node's program, from npm's package `node`; that of this process for 'here'. */
export async function nodeFolder(version) {
  if (version === 'here') return dirname(process.execPath)
  const command = [
    'npx',
    '--yes',
    '--ignore-scripts=false',
    '--package',
    `node@${version}`,
    '--',
    'node',
    '-p',
    'process.execPath',
  ]
  const said = await must(command)
  return dirname(said.split('\n').find(line => isAbsolute(line)) ?? '')
}
