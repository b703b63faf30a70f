// The state that a binding's calls share.

import type { CApi, EagerContext, Status } from './c-api.js'
import type { Cluster } from './cluster.js'
import type { TensorTable } from './tensor-table.js'

/** `status` is for calls on the main thread only; a call on a worker thread has its own. */
export interface Runtime {
  readonly api: CApi
  readonly status: Status
  readonly context: EagerContext
  /** The serialized ConfigProto of the context; undefined: TensorFlow's own settings. */
  readonly config: Uint8Array | undefined
  readonly tensors: TensorTable
  /** The cluster that the context belongs to; undefined: none. */
  readonly cluster: Cluster | undefined
  /** The name of the GPU that new tensors are copied to; undefined on the CPU. */
  readonly gpu: string | undefined
}
