/** Backends for tests. */
import type { Backend } from '../../src/backends/backend.js'
import { openBackend } from '../../src/backends/candidates.js'

/** Opens a backend; the fastest one that runs here, unless another is named. */
export async function useBackend(name = 'auto'): Promise<Backend> {
  const { backend } = await openBackend(name, { debug: false })
  return backend
}

/** The mode in which steps run on a backend: fixed, so that two runs give the same bytes, and compiled where that is possible. */
export const fixedMode = ({ name }: Backend): 'graph' | 'off' => (name === 'tensorflow' ? 'graph' : 'off')
