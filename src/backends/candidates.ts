/** All backends, fastest first, and the choice of one by name. */
import { type BackendCandidate, type BackendOptions, type Opened, openFirst } from './backend.js'
import { cpu } from './cpu.js'
import { cuda } from './cuda.js'
import { tensorflow } from './tensorflow.js'
import { wasm } from './wasm.js'
import { webgpu, webgpuOnGpu } from './webgpu.js'

/** In the order in which `auto` tries them. */
export const candidates: readonly BackendCandidate[] = [cuda, tensorflow, webgpu, wasm, cpu]

const automatic = candidates.map(candidate => (candidate === webgpu ? webgpuOnGpu : candidate))

/** The values of `--backend`. */
export const backendNames = ['auto', ...candidates.map(({ name }) => name)] as [string, ...string[]]

/**
 * Opens the backend called `name`, and makes TF.js compute on it; `auto` takes the first that runs. A named backend never falls back to
 * another: it throws a `BackendRefusal`, which says why and how to fix it.
 *
 * @example
 * const { backend, refusals } = await openBackend()
 * console.log(backend.name, backend.device) // such as: tensorflow CPU, 2 threads
 * for (const { message } of refusals) console.log(message) // such as: why a faster one does not run
 */
export function openBackend(name = 'auto', options: Partial<BackendOptions> = {}): Promise<Opened> {
  if (!backendNames.includes(name))
    throw new Error(`openBackend: there is no backend '${name}'; use one of ${backendNames.join(', ')}`)
  return open(name, { debug: false, ...options })
}

function open(name: string, options: BackendOptions): Promise<Opened> {
  return openFirst(name === 'auto' ? automatic : candidates.filter(candidate => candidate.name === name), options)
}
