/** Listens to what TF.js asks of its backend while a function runs. */
import * as tf from '@tensorflow/tfjs'
import type { Attribute } from '../../libtensorflow/attributes.js'
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import { STACK_DEPTH } from '../refusal.js'

/** What a listener is told. An exception of its passes through TF.js to whoever runs the function. */
export interface Listener {
  /** JavaScript made a tensor. */
  wrote(dataId: tf.DataId): void
  /** JavaScript asks for a tensor's values. */
  reads(dataId: tf.DataId): void
  /** TensorFlow ran an operation. */
  executed(op: string, attributes: readonly Attribute[], inputs: readonly tf.TensorInfo[], outputs: tf.Tensor[]): void
}

/** Runs `run` with `listener` listening; the backend is afterwards as it was. */
export function intercept<T>(backend: NodeBackend, listener: Listener, run: () => T): T {
  const stopAllowing = allowingRangeChecks(listener, listening =>
    Object.assign(backend, interceptors(backend, listening)),
  )
  const depth = Error.stackTraceLimit
  Error.stackTraceLimit = STACK_DEPTH
  try {
    return run()
  } finally {
    Error.stackTraceLimit = depth
    stopAllowing()
    for (const method of METHODS) Reflect.deleteProperty(backend, method) // the class's own methods show again
  }
}

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
      const output = executeSingleOutput.call(backend, op, attributes, inputs)
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

/** tfjs-node's `GatherV2` reads its indices to check their range; nothing recorded depends on that. */
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
