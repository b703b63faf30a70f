// Eager operations (TFE_Op): building one from its name, attributes and inputs, and running it on a worker thread.
import { type Attribute, setAttribute } from './attributes.js'
import { type CApi, callAsync, type Op, type TensorHandle } from './c-api.js'
import type { Runtime } from './runtime.js'
import { check } from './status.js'

/** An operation ready to run, which the caller deletes. It keeps its inputs alive, so they may be deleted before it runs. */
export function newOp(
  { api, status, context, tensors }: Runtime,
  name: string,
  attributes: readonly Attribute[],
  inputs: readonly number[],
): Op {
  const op = api.TFE_NewOp(context, name, status)
  check(api, status, name)
  try {
    for (const input of inputs) {
      api.TFE_OpAddInput(op, tensors.get(input), status)
      check(api, status, name)
    }
    for (const attribute of attributes) setAttribute(api, status, op, name, attribute)
    return op
  } catch (error) {
    api.TFE_DeleteOp(op)
    throw error
  }
}

/** Runs `op` on a worker thread and deletes it, also if it fails. `name` is for messages. */
export async function executeOnWorker(api: CApi, op: Op, name: string, numOutputs: number): Promise<TensorHandle[]> {
  const ownStatus = api.TF_NewStatus()
  const outputs = new BigUint64Array(numOutputs)
  const count = Int32Array.of(numOutputs)
  try {
    await callAsync(api.TFE_Execute, op, outputs, count, ownStatus)
    check(api, ownStatus, name)
    return firstHandles(outputs, count)
  } finally {
    api.TFE_DeleteOp(op)
    api.TF_DeleteStatus(ownStatus)
  }
}

/** The handles that TFE_Execute wrote. */
export function firstHandles(outputs: BigUint64Array, count: Int32Array): TensorHandle[] {
  return Array.from(outputs.subarray(0, count[0])) as TensorHandle[]
}
