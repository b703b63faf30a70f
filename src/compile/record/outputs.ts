/** What a step may return: named tensors, at once. */
import * as tf from '@tensorflow/tfjs'

/** Throws an Error if the step is an async function, whose operations after its first `await` nobody would see. */
export function requireSynchronous(outputs: unknown): void {
  if (!(outputs instanceof Promise)) return
  outputs.catch(() => {}) // what it does from here on is lost, its failure too
  throw new Error('scan: the step returned a promise; a step must not be async')
}

/** Returns what a step returned; throws an Error unless that is tensors by name. */
export function requireTensors(outputs: unknown): Record<string, tf.Tensor> {
  requireSynchronous(outputs)
  if (typeof outputs !== 'object' || outputs === null || outputs instanceof tf.Tensor)
    throw new Error('scan: the step must return an object of named tensors, such as { loss }')
  for (const [name, output] of Object.entries(outputs))
    if (!(output instanceof tf.Tensor)) throw new Error(`scan: the step's output "${name}" must be a tensor`)
  return outputs as Record<string, tf.Tensor>
}
