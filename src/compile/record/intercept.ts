/** Observes the calls from TF.js to its backend while a function runs. */
import * as tf from '#tfjs'
import { ALL_REDUCE } from '../../collectives/all-reduce.js'
import { ATTRIBUTE_TYPES, type Attribute } from '../../libtensorflow/attributes.js'
import { DTYPES } from '../../libtensorflow/dtypes.js'
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import { STACK_DEPTH } from '../refusal.js'

/** Callbacks for these calls. An exception that one throws propagates through TF.js to the caller of `intercept`. */
export interface Listener {
  /** JavaScript created a tensor. */
  wrote(dataId: tf.DataId): void
  /** JavaScript is about to read a tensor's values. */
  reads(dataId: tf.DataId): void
  /** TensorFlow ran an operation; an all-reduce is not run, because it would block the process until all workers have come to it. */
  executed(op: string, attributes: readonly Attribute[], inputs: readonly tf.TensorInfo[], outputs: tf.Tensor[]): void
}

/** Calls `run` with `listener` attached to the backend, and detaches it afterwards. */
export function intercept<T>(backend: NodeBackend, listener: Listener, run: () => T): T {
  const restoreGather = allowingRangeChecks(listener, filtered =>
    Object.assign(backend, interceptors(backend, filtered)),
  )
  const depth = Error.stackTraceLimit
  Error.stackTraceLimit = STACK_DEPTH
  try {
    return run()
  } finally {
    Error.stackTraceLimit = depth
    restoreGather()
    for (const method of METHODS) Reflect.deleteProperty(backend, method) // uncovers the methods of the class
  }
}

/** What an all-reduce returns instead: this worker's own part. */
const OF_FLOATS = [{ name: 'T', type: ATTRIBUTE_TYPES.TF_ATTR_TYPE, value: DTYPES.TF_FLOAT }]

const METHODS = ['write', 'read', 'readSync', 'executeSingleOutput', 'executeMultipleOutputs'] as const

function interceptors(backend: NodeBackend, listener: Listener): Pick<NodeBackend, (typeof METHODS)[number]> {
  const { write, read, readSync, executeSingleOutput, executeMultipleOutputs } = backend
  return {
    write(values, shape, dtype) {
      const dataId = write.call(backend, values, shape, dtype)
      listener.wrote(dataId)
      return dataId
    },
    read(dataId) {
      listener.reads(dataId)
      return read.call(backend, dataId)
    },
    readSync(dataId) {
      listener.reads(dataId)
      return readSync.call(backend, dataId)
    },
    executeSingleOutput(op, attributes, inputs) {
      const output =
        op === ALL_REDUCE
          ? executeSingleOutput.call(backend, 'Identity', OF_FLOATS, inputs.slice(0, 1))
          : executeSingleOutput.call(backend, op, attributes, inputs)
      listener.executed(op, attributes, inputs, [output])
      return output
    },
    executeMultipleOutputs(op, attributes, inputs, count) {
      const outputs = executeMultipleOutputs.call(backend, op, attributes, inputs, count)
      listener.executed(op, attributes, inputs, outputs)
      return outputs
    },
  }
}

/** Hides the reads of tfjs-node's `GatherV2`, which reads its indices only to check their range. Returns a function that undoes this. */
function allowingRangeChecks(listener: Listener, install: (listener: Listener) => void): () => void {
  const gather = tf.getKernel('GatherV2', tf.getBackend())
  let checking = false
  install({
    wrote: dataId => listener.wrote(dataId),
    executed: (...args) => listener.executed(...args),
    reads(dataId) {
      if (!checking) listener.reads(dataId)
    },
  })
  const { kernelFunc } = gather
  gather.kernelFunc = args => {
    checking = true
    try {
      return kernelFunc(args)
    } finally {
      checking = false
    }
  }
  return () => {
    gather.kernelFunc = kernelFunc
  }
}
