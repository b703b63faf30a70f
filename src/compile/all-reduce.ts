/** The mean of tensors over all workers of a cluster, as an operation of a step: data-parallel training averages its gradients with it. */
import * as tf from '#tfjs'
import { ATTRIBUTE_TYPES, type Attribute } from '../libtensorflow/attributes.js'
import { DTYPES } from '../libtensorflow/dtypes.js'
import { isNodeBackend, type NodeBackend } from '../libtensorflow/node-backend.js'

/** TensorFlow's operation. A program is split at it, because XLA cannot wait for other processes. */
export const ALL_REDUCE = 'CollectiveReduceV2'

/** Every cluster has one group: all of its workers. */
const GROUP = 1

/** After so long without an answer from the others an operation fails. */
const TIMEOUT_SECONDS = 60

/** The place of this process among those that compute one step together. */
export interface Place {
  readonly index: number
  readonly count: number
}

/** The worker that this process is on the current TF.js backend; the only one unless it belongs to a cluster. */
export function placeInCluster(): Place {
  const backend = tf.backend()
  const cluster = isNodeBackend(backend) ? backend.binding.cluster : undefined
  return cluster ? { index: cluster.index, count: cluster.workers.length } : { index: 0, count: 1 }
}

/**
 * The mean of each float32 tensor over all workers, in the shapes given; with one worker the tensors themselves. All workers must call it
 * at the same place of the same step, with the same shapes. The tensors travel as one vector around the ring of workers.
 *
 * @example
 * const [gradient] = allReduceMean([tf.tensor1d([1, 2])]) // alone, a process is the only worker
 * console.log(gradient?.dataSync()) // Float32Array(2) [ 1, 2 ]
 */
export function allReduceMean<T extends readonly tf.Tensor[]>(tensors: T): { readonly [K in keyof T]: tf.Tensor } {
  const backend = tf.backend()
  if (placeInCluster().count === 1 || !isNodeBackend(backend)) return tensors as never
  return tf.tidy(() => inShapesOf(tensors, meanOverWorkers(backend, endToEnd(tensors)))) as never
}

const endToEnd = (tensors: readonly tf.Tensor[]): tf.Tensor1D =>
  tf.concat(tensors.map(tensor => tf.reshape(tensor, [tensor.size]))) as tf.Tensor1D

function inShapesOf(tensors: readonly tf.Tensor[], vector: tf.Tensor): tf.Tensor[] {
  const parts = tf.split(
    vector,
    tensors.map(({ size }) => size),
  )
  return tensors.map(({ shape }, i) => tf.reshape(parts[i] as tf.Tensor, shape))
}

function meanOverWorkers(backend: NodeBackend, vector: tf.Tensor1D): tf.Tensor {
  const int = (value: number) => tf.scalar(value, 'int32')
  const { workers } = backend.binding.cluster as NonNullable<NodeBackend['binding']['cluster']>
  // An instance is bound to one shape, and a step runs its instances one after the other: so the size can stand for it.
  const inputs = [vector, int(workers.length), int(GROUP), int(vector.size)]
  return backend.executeSingleOutput(ALL_REDUCE, attributes(), inputs)
}

function attributes(): Attribute[] {
  const { TF_ATTR_TYPE, TF_ATTR_STRING, TF_ATTR_FLOAT, TF_ATTR_BOOL, TF_ATTR_INT } = ATTRIBUTE_TYPES
  return [
    { name: 'T', type: TF_ATTR_TYPE, value: DTYPES.TF_FLOAT },
    { name: 'merge_op', type: TF_ATTR_STRING, value: 'Add' },
    { name: 'final_op', type: TF_ATTR_STRING, value: 'Div' },
    { name: 'communication_hint', type: TF_ATTR_STRING, value: 'ring' },
    { name: 'timeout_seconds', type: TF_ATTR_FLOAT, value: TIMEOUT_SECONDS },
    { name: 'is_stateless', type: TF_ATTR_BOOL, value: false },
    { name: 'Nordering_token', type: TF_ATTR_INT, value: 0 },
    { name: 'max_subdivs_per_device', type: TF_ATTR_INT, value: -1 },
  ]
}
