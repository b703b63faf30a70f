/**
 * `elbo/compile`: training steps of one's own as compiled TensorFlow functions. Nothing in it depends on latent-variable models.
 *
 * @module elbo/compile
 */
export { type Backend, type BackendOptions, BackendRefusal, type Opened } from '../backends/backend.js'
export { openBackend } from '../backends/candidates.js'
export { allReduceMean, onOwnRows, ownRows, type Place, placeInCluster, wholeBatch } from '../collectives/all-reduce.js'
export { type BatchedOptions, batched, type Examples } from '../compile/batched.js'
export { CompileRefusal } from '../compile/refusal.js'
export { canCompile, type Scan, type Streamed, scan } from '../compile/scan.js'
export type {
  ArrayValues,
  Choice,
  Data,
  DatasetOfBatches,
  InputArray,
  Inputs,
  Mode,
  NativeMode,
  Outputs,
  Precision,
  RunOptions,
  ScanOptions,
  Stacked,
  Step,
  TableRows,
  Values,
} from '../compile/step.js'
export type { Cluster } from '../libtensorflow/cluster.js'
export type { Reason } from '../libtensorflow/wheels.js'
export { dropout, type HostKey, type Key, keyAt, normal, permutation, split, streamKey, uniform } from '../random.js'
