// Writes what `--help` shows into the compiled program, so that help need not load the commands.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * Writes dist/commands/declared.json of a compiled program. Returns its path.
 * @param {string} root of the clone
 * @returns {Promise<string>}
 */
export async function writeDeclarations(root) {
  const commands = join(root, 'dist/commands')
  /** @param {string} name */
  const load = name => import(pathToFileURL(join(commands, name)).href)
  const [{ allCommands }, { allDeclared }] = await Promise.all([load('list.js'), load('declared.js')])
  const path = join(commands, 'declared.json')
  writeFileSync(path, `${JSON.stringify(allDeclared(await allCommands()))}\n`)
  return path
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  await writeDeclarations(fileURLToPath(new URL('../..', import.meta.url)))
