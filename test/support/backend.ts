/** Opens the fastest backend that runs here, for tests that want one; the name says which. */
import { openBackend } from '../../src/backends/candidates.js'

export async function useBackend(name = 'auto'): Promise<string> {
  const { backend } = await openBackend(name, { debug: false })
  return backend.name
}
