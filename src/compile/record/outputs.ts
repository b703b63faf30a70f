/** Checks of what a step returned. */
import * as tf from '#tfjs'

/** Throws an Error if the step is an async function: operations after its first `await` would be missed. */
export function requireSynchronous(outputs: unknown): void {
  if (!(outputs instanceof Promise)) return
  outputs.catch(() => {}) // a later failure of the step must not become an unhandled rejection
  throw new Error('scan: the step returned a promise; a step must not be async')
}

/** Returns `outputs`; throws an Error unless it is an object of named tensors. */
export function requireTensors(outputs: unknown): Record<string, tf.Tensor> {
  requireSynchronous(outputs)
  if (typeof outputs !== 'object' || outputs === null || outputs instanceof tf.Tensor)
    throw new Error('scan: the step must return an object of named tensors, such as { loss }')
  for (const [name, output] of Object.entries(outputs))
    if (!(output instanceof tf.Tensor)) throw new Error(`scan: the step's output "${name}" must be a tensor`)
  return outputs as Record<string, tf.Tensor>
}
