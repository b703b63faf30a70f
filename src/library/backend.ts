/** The backend of the library's calls. */
import { type Backend, currentBackend } from '../backends/backend.js'
import { openBackend } from '../backends/candidates.js'

/** Opens the backend called `name`; without a name the one that is open, or else the fastest that runs here. */
export async function openedBackend(name?: string): Promise<Backend> {
  const current = currentBackend()
  if (current && (name === undefined || name === current.name)) return current
  return (await openBackend(name)).backend
}
