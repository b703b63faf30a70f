// A cluster of processes, in which TensorFlow's collective operations run: one gRPC server in each process.
import { type CApi, callAsync, type EagerContext, type Status } from './c-api.js'
import { bytesField, intField, textField } from './protobuf.js'
import { check, newStatus } from './status.js'

/** The place of this process in a cluster. */
export interface Cluster {
  /** `host:port` of each worker, in the order of their numbers. */
  readonly workers: readonly string[]
  /** The number of this worker, from 0. */
  readonly index: number
}

/** The name of the job of all workers, as in `TF_CONFIG`. */
const JOB = 'worker'

/** The name of a worker's process in TensorFlow. */
export const taskName = (index: number): string => `/job:${JOB}/replica:0/task:${index}`

/**
 * Makes a context, which must not hold tensors yet, a worker of the cluster. Its server listens on the port of its own address. Others need
 * not be there yet: the first collective operation waits for them.
 */
export function joinCluster(api: CApi, status: Status, context: EagerContext, cluster: Cluster): void {
  const definition = serverDef(cluster)
  api.TFE_EnableCollectiveOps(context, definition, definition.length, status)
  check(api, status, `cluster worker ${cluster.index} at ${cluster.workers[cluster.index]}`)
}

/** A serialized ServerDef (tensorflow/core/protobuf/tensorflow_server.proto, cluster.proto, config.proto). */
function serverDef({ workers, index }: Cluster): Uint8Array {
  const tasks = workers.map((address, i) => bytesField(2, intField(1, i), textField(2, address)))
  const cluster = bytesField(1, textField(1, JOB), ...tasks)
  const leader = textField(1, taskName(0)) // collective_group_leader
  const wholeMessages = intField(4, -1) // recv_buf_max_chunk; otherwise each 4 KiB of a message are memory of their own
  const experimental = bytesField(16, leader, wholeMessages) // ConfigProto.experimental
  return Buffer.concat([
    bytesField(1, cluster),
    textField(2, JOB),
    intField(3, index),
    bytesField(4, experimental),
    textField(5, 'grpc'),
  ])
}

/** Why a worker does not answer within `milliseconds`; undefined if it does. */
export async function whyUnreachable(
  api: CApi,
  context: EagerContext,
  index: number,
  milliseconds: number,
): Promise<string | undefined> {
  const status = newStatus(api)
  try {
    await callAsync(api.TFE_CollectiveOpsCheckPeerHealth, context, taskName(index), milliseconds, status)
    return api.TF_GetCode(status) === 0 ? undefined : (api.TF_Message(status) ?? 'no reason was given')
  } finally {
    api.TF_DeleteStatus(status)
  }
}

const ABORTED = 10

/** Makes all collective operations of a worker fail for this reason, those in flight and later ones. */
export function abortCollectives(api: CApi, context: EagerContext, reason: string): void {
  const status = newStatus(api)
  api.TF_SetStatus(status, ABORTED, reason)
  api.TFE_AbortCollectiveOps(context, status)
  api.TF_DeleteStatus(status)
}
