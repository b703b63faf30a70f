/** `elbo/compile`: `scan` alone, for steps that have nothing to do with latent-variable models. */
export { type Backend, BackendRefusal, type Opened } from './backends/backend.js'
export { openBackend } from './backends/candidates.js'
export { CompileRefusal } from './compile/refusal.js'
export { type Scan, scan } from './compile/scan.js'
export type { Batches, Choice, Outputs, ScanOptions, Step } from './compile/step.js'
export { type HostKey, type Key, keyAt, normal, split, streamKey, uniform } from './random.js'
