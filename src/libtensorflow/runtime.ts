// What a binding's calls share.
import type { CApi, EagerContext, Status } from './c-api.js'
import type { TensorTable } from './tensor-table.js'

/** What every call works with. `status` serves calls on the main thread only; one on a worker thread has its own. */
export interface Runtime {
  readonly api: CApi
  readonly status: Status
  readonly context: EagerContext
  readonly tensors: TensorTable
  /** The device that new tensors are copied to, unless that is the CPU. */
  readonly gpu: string | undefined
}
