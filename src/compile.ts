/** `elbo/compile`: `scan` alone, for steps that have nothing to do with latent-variable models. */
export { type Backend, type BackendOptions, BackendRefusal, type Opened } from './backends/backend.js'
export { openBackend } from './backends/candidates.js'
export { type BatchedOptions, batched, type Examples } from './compile/batched.js'
export { CompileRefusal } from './compile/refusal.js'
export { type Scan, scan } from './compile/scan.js'
export type { ArrayValues, Choice, Data, Outputs, RunOptions, ScanOptions, Step } from './compile/step.js'
export { dropout, type HostKey, type Key, keyAt, normal, split, streamKey, uniform } from './random.js'
