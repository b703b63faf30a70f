/** One copy of tfjs-core per process: copies share engine and kernels, so that operations of one version would run kernels of another. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
const MODULE = join('tfjs-core', 'dist', 'tf-core.node.js')

/**
 * Throws an Error that names the copies, if several were loaded.
 * @param loaded paths of CommonJS modules
 */
export function requireOneCore(loaded: readonly string[] = Object.keys(require.cache)): void {
  const copies = loaded.filter(path => path.endsWith(MODULE)).map(path => dirname(dirname(path)))
  if (copies.length < 2) return
  const { version } = require('@tensorflow/tfjs-core/package.json') as { version: string }
  throw new Error(
    `${copies.length} copies of @tensorflow/tfjs-core are loaded (${copies.join(', ')}), which would mix in one engine and one table of ` +
      `kernels: install version ${version}, that of elbo, of every @tensorflow package, then run \`npm dedupe\``,
  )
}
