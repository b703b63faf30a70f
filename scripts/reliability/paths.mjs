// Where the built program is.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = path => new URL(`../../dist/${path}`, import.meta.url)

/** The program. */
export const program = fileURLToPath(at('cli.js'))

if (!existsSync(program)) throw new Error(`there is no ${program}: \`npm run setup\` builds it`)

/** A module of the program. */
export const built = path => import(at(path))
