/** The binding for the tests of it, and shorthands for its operations. Undefined where `skipped` names a reason. */
import type { Binding } from '../../src/libtensorflow/binding.js'
import { openBinding, skipped } from '../support/native.js'

export const binding: Binding = skipped === '' ? openBinding() : (undefined as never)

/** Runs operations on a worker thread. */
export const functions = skipped === '' ? binding.openFunctions() : (undefined as never)

/** A float32 vector. Returns its number. */
export function floats(...values: number[]): number {
  return binding.createTensor([values.length], 'float32', Float32Array.from(values))
}

/** The attribute of this name that says float32. */
export const float = (name: string) => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT })

/** The values of an operation's first result. */
export function run(name: string, attributes: Parameters<Binding['executeOp']>[1], ...inputs: number[]) {
  const [result] = binding.executeOp(name, attributes, inputs, 1)
  if (result === undefined) throw new Error(`${name} gave no result`)
  return binding.tensorDataSync(result.id)
}

export const bytes = (text: string) => new Uint8Array(Buffer.from(text))
