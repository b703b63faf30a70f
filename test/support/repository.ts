/** Where the tests find the repository and the built program. */
import { join, resolve } from 'node:path'

export const repository = resolve(import.meta.dirname, '../..')

/** `elbo` as the set-up builds it. */
export const program = join(repository, 'dist/cli.js')
