// Eager operations (TFE_Op): building one from its name, attributes and inputs, and running it on a worker thread.
import { type Attribute, setAttribute } from './attributes.js'
import { type CApi, callAsync, type EagerContext, type Op, type Status, type TensorHandle } from './c-api.js'
import { opDefinition } from './op-definitions.js'
import { check, checked, newStatus } from './status.js'

/** Where an operation runs; `status` is for calls on the main thread. */
interface Place {
  readonly api: CApi
  readonly status: Status
  readonly context: EagerContext
}

/** An operation ready to run, which the caller deletes. It keeps its inputs alive, so they may be deleted before it runs. */
export function newOp(
  { api, status, context }: Place,
  name: string,
  attributes: readonly Attribute[],
  inputs: readonly TensorHandle[],
): Op {
  if (typeof name !== 'string') throw new Error(`an operation's name must be a string, got ${typeof name}`)
  requireInputs(api, name, inputs.length)
  const op = checked(api, status, name, api.TFE_NewOp(context, name, status))
  try {
    for (const input of inputs) {
      api.TFE_OpAddInput(op, input, status)
      check(api, status, name)
    }
    for (const attribute of attributes) setAttribute(api, status, op, name, attribute)
    return op
  } catch (error) {
    api.TFE_DeleteOp(op)
    throw error
  }
}

/** TensorFlow reads past the end of its own definition if it is given more inputs than that has. */
function requireInputs(api: CApi, name: string, count: number): void {
  const inputs = opDefinition(api, name)?.inputs
  if (inputs === undefined || inputs.some(({ isList }) => isList) || inputs.length === count) return
  throw new Error(`${name}: it takes ${inputs.length} inputs, got ${count}`)
}

/** Runs `op` on a worker thread and deletes it, also if it fails. `name` is for messages. */
export async function executeOnWorker(api: CApi, op: Op, name: string, numOutputs: number): Promise<TensorHandle[]> {
  const ownStatus = newStatus(api)
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
