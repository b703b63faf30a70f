/** The mean of tensors over all workers of a cluster, as an operation of a step: data-parallel training averages its gradients with it. */
import * as tf from '#tfjs'

/** TensorFlow's operation. A program is split at it, because XLA cannot wait for other processes. */
export const ALL_REDUCE = 'CollectiveReduceV2'

/** Every cluster has one group: all of its workers. */
const GROUP = 1

/** The place of this process among those that compute one step together. */
export interface Place {
  readonly index: number
  readonly count: number
}

/** What is used of the backend on native TensorFlow. Browsers load this file too, so it must not import that backend. */
interface NativeBackend extends tf.KernelBackend {
  readonly binding: { readonly cluster: { readonly workers: readonly string[]; readonly index: number } | undefined }
  executeSingleOutput(op: string, attributes: object[], inputs: tf.Tensor[]): tf.Tensor
}

const isNative = (backend: tf.KernelBackend): backend is NativeBackend =>
  'binding' in backend && 'executeSingleOutput' in backend

/**
 * The worker that this process is on the current TF.js backend; the only one unless it belongs to a cluster.
 *
 * @example
 * console.log(placeInCluster()) // { index: 0, count: 1 }
 */
export function placeInCluster(): Place {
  if (isAlone) return { index: 0, count: 1 }
  const backend = tf.backend()
  const cluster = isNative(backend) ? backend.binding.cluster : undefined
  return cluster ? { index: cluster.index, count: cluster.workers.length } : { index: 0, count: 1 }
}

/** Whether this process works for itself for now, in `onItsOwn`. */
let isAlone = false

/** Does some work of one worker only, as if the process were in no cluster; nothing else of it may compute meanwhile. */
export async function onItsOwn<T>(work: () => Promise<T> | T): Promise<T> {
  const before = isAlone
  isAlone = true
  try {
    return await work()
  } finally {
    isAlone = before
  }
}

/** Whether the part of a step that runs now computes with this worker's rows of the batch. */
let onOwn = false

/**
 * Runs a part of a step in which each worker computes with its own rows of a batch that all workers are given. There `ownRows` takes them,
 * and noise is drawn for `wholeBatch` rows and cut likewise, so that the mathematics do not depend on the number of workers.
 *
 * @example
 * const x = tf.ones([4, 2])
 * console.log(onOwnRows(() => ownRows(x).shape)) // [ 4, 2 ]
 */
export function onOwnRows<T>(work: () => T): T {
  onOwn = placeInCluster().count > 1
  try {
    return work()
  } finally {
    onOwn = false
  }
}

/**
 * The number of rows of the whole batch, of which `rows` are this worker's.
 *
 * @example
 * console.log(onOwnRows(() => wholeBatch(4))) // 4
 */
export const wholeBatch = (rows: number): number => (onOwn ? rows * placeInCluster().count : rows)

/**
 * This worker's rows of a tensor of the whole batch, whose axis `axis` is the batch. Throws an Error if they cannot be of equal number.
 *
 * @example
 * const noise = onOwnRows(() => ownRows(normal(streamKey(1, 'z'), [10, wholeBatch(4), 2]), 1))
 * console.log(noise.shape) // [ 10, 4, 2 ]
 */
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
  if (placeInCluster().count === 1) return tensors as never
  return tf.tidy(() => inShapesOf(tensors, reduce(endToEnd(tensors), 'Div'))) as never
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

/** The sum over all workers (`Id`), or the mean (`Div`), of a float32 vector, in a process that is a worker. */
export function reduce(vector: tf.Tensor, final: 'Id' | 'Div'): tf.Tensor {
  const backend = tf.backend()
  if (!isNative(backend)) throw new Error(`the backend ${tf.getBackend()} has no workers; use the backend tensorflow`)
  const int = (value: number) => tf.scalar(value, 'int32')
  // An instance is bound to one shape, so its size is its number; a program numbers its instances of one size when it is split.
  const inputs = [vector, int(placeInCluster().count), int(GROUP), int(vector.size)]
  return backend.executeSingleOutput(ALL_REDUCE, attributes(final), inputs)
}

/** As tfjs-node's kernels give them: `type` is a number of TF_AttrType. */
function attributes(final: 'Id' | 'Div'): object[] {
  const [text, int, float, bool, type] = [0, 1, 2, 3, 4]
  const float32 = 1
  return [
    { name: 'T', type: type, value: float32 },
    { name: 'merge_op', type: text, value: 'Add' },
    { name: 'final_op', type: text, value: final },
    { name: 'communication_hint', type: text, value: 'ring' },
    // No limit: TensorFlow keeps a thread asleep until the limit of each operation, however early it ends. runs/team.ts watches the others.
    { name: 'timeout_seconds', type: float, value: 0 },
    { name: 'is_stateless', type: bool, value: false },
    { name: 'Nordering_token', type: int, value: 0 },
    { name: 'max_subdivs_per_device', type: int, value: -1 },
  ]
}
