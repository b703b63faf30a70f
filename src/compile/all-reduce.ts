/** The mean of tensors over all workers of a cluster, as an operation of a step: data-parallel training averages its gradients with it. */
import * as tf from '#tfjs'
import { ATTRIBUTE_TYPES, type Attribute } from '../libtensorflow/attributes.js'
import { DTYPES } from '../libtensorflow/dtypes.js'
import { isNodeBackend, type NodeBackend } from '../libtensorflow/node-backend.js'

/** TensorFlow's operation. A program is split at it, because XLA cannot wait for other processes. */
export const ALL_REDUCE = 'CollectiveReduceV2'

/** Every cluster has one group: all of its workers. */
const GROUP = 1

/** An operation of a worker that hears nothing of the others fails after so long, in seconds; deaths are noticed earlier (health.ts). */
const LONGEST_WAIT = 3600

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

/** Whether the part of a step that runs now computes with this worker's rows of the batch. */
let onOwn = false

/**
 * Runs a part of a step in which each worker computes with its own rows of a batch that all workers are given. There `ownRows` takes them,
 * and noise is drawn for `wholeBatch` rows and cut likewise, so that the mathematics do not depend on the number of workers.
 */
export function onOwnRows<T>(work: () => T): T {
  onOwn = placeInCluster().count > 1
  try {
    return work()
  } finally {
    onOwn = false
  }
}

/** The number of rows of the whole batch, of which `rows` are this worker's. */
export const wholeBatch = (rows: number): number => (onOwn ? rows * placeInCluster().count : rows)

/** This worker's rows of a tensor of the whole batch, whose axis `axis` is the batch. Throws an Error if they cannot be of equal number. */
export function ownRows(x: tf.Tensor, axis = 0): tf.Tensor {
  if (!onOwn) return x
  const { index, count } = placeInCluster()
  const rows = (x.shape[axis] as number) / count
  if (!Number.isInteger(rows))
    throw new Error(`a batch of ${x.shape[axis]} rows cannot be divided among ${count} workers`)
  const begin = x.shape.map((_, i) => (i === axis ? index * rows : 0))
  return tf.slice(x, begin, x.shape.with(axis, rows))
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
  return tf.tidy(() => inShapesOf(tensors, reduce(backend, endToEnd(tensors), 'Div'))) as never
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

/** The sum over all workers (`Id`), or the mean (`Div`), of a vector. */
export function reduce(backend: NodeBackend, vector: tf.Tensor, final: 'Id' | 'Div'): tf.Tensor {
  const int = (value: number) => tf.scalar(value, 'int32')
  // An instance is bound to one shape, so its size is its number; a program numbers its instances of one size when it is split.
  const inputs = [vector, int(placeInCluster().count), int(GROUP), int(vector.size)]
  return backend.executeSingleOutput(ALL_REDUCE, attributes(final), inputs)
}

function attributes(final: 'Id' | 'Div'): Attribute[] {
  const { TF_ATTR_TYPE, TF_ATTR_STRING, TF_ATTR_FLOAT, TF_ATTR_BOOL, TF_ATTR_INT } = ATTRIBUTE_TYPES
  return [
    { name: 'T', type: TF_ATTR_TYPE, value: DTYPES.TF_FLOAT },
    { name: 'merge_op', type: TF_ATTR_STRING, value: 'Add' },
    { name: 'final_op', type: TF_ATTR_STRING, value: final },
    { name: 'communication_hint', type: TF_ATTR_STRING, value: 'ring' },
    { name: 'timeout_seconds', type: TF_ATTR_FLOAT, value: LONGEST_WAIT },
    { name: 'is_stateless', type: TF_ATTR_BOOL, value: false },
    { name: 'Nordering_token', type: TF_ATTR_INT, value: 0 },
    { name: 'max_subdivs_per_device', type: TF_ATTR_INT, value: -1 },
  ]
}
