/** The models of `elbo em` with their algorithms. */
import type { EmConfig } from './em-config.js'
import type { ImageSize, Session } from './session.js'

export function createEmSession(config: EmConfig, _size: ImageSize): Session {
  throw new Error(`${config.model} is not there yet`)
}
