/** Runs a step once and records every operation that it sends to TensorFlow as a program. */
import type * as tf from '#tfjs'
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import { opDefinition } from '../../libtensorflow/op-definitions.js'
import type { TensorType } from '../program/program.js'
import { CompileRefusal, callSite } from '../refusal.js'
import { inferAttributes } from './attribute-inference.js'
import { intercept, type Listener } from './intercept.js'
import { newKnownTensors, type RecordedProgram } from './known-tensors.js'
import { requireSynchronous, requireTensors } from './outputs.js'
import { type OutsideCall, watchOutside } from './outside.js'
import { requireCompilable, requireReadable, requireSupportedType } from './support.js'

export interface Recording extends RecordedProgram {
  /** The first call that asked JavaScript for the time or a random number. */
  readonly outside: OutsideCall | undefined
}

/**
 * Records one run of `step`; call it inside a TF.js scope. The tensors in `inputs` become arguments. Throws a CompileRefusal if the step
 * cannot be compiled.
 */
export function record(
  backend: NodeBackend,
  inputs: Readonly<Record<string, tf.Tensor>>,
  step: () => Record<string, tf.Tensor>,
): Recording {
  const recorder = newRecorder(backend)
  for (const [name, tensor] of Object.entries(inputs)) recorder.argument(name, tensor)
  let outside: OutsideCall | undefined
  const note = (call: OutsideCall) => {
    outside ??= call
  }
  const outputs: unknown = watchOutside(note, () => intercept(backend, recorder, step))
  return { ...recorder.finish(outputs), outside }
}

interface Recorder extends Listener {
  argument(name: string, tensor: tf.Tensor): void
  finish(outputs: unknown): RecordedProgram
}

function newRecorder(backend: NodeBackend): Recorder {
  const known = newKnownTensors(backend)
  let refusal: CompileRefusal | undefined // thrown at the end, so that no `catch` or promise in the step swallows it
  return {
    argument: (name, tensor) => void known.argument(name, tensor),
    wrote: known.wrote,
    reads(dataId) {
      if (!known.isComputed(dataId)) return
      refusal ??= new CompileRefusal(
        'it reads the values of a tensor (dataSync, arraySync, data or array)',
        'keep values in tensors, and return the ones you need as outputs',
        callSite(new Error()),
        'return { loss } // and outside: const { loss } = await steps.run(data)',
      )
    },
    executed(op, attributes, tensors, outputs) {
      const site = new Error()
      const definition = opDefinition(backend.binding.api, op)
      requireCompilable(op, definition, outputs.length, site)
      const types = outputs.map(output => typeInTensorFlow(backend, output))
      for (const { dtype } of types) requireSupportedType(dtype, `${op} returns`, site)
      const inputs = tensors.map(tensor => known.valueFor(tensor))
      const all = inferAttributes(definition, attributes, inputs.map(known.dtypeOf))
      known.operation({ op, attributes: all, inputs, types }, outputs, site)
    },
    finish(returned) {
      requireSynchronous(returned)
      if (refusal) throw refusal
      const outputs = Object.entries(requireTensors(returned))
      for (const [name, { dtype }] of outputs) requireReadable(name, dtype)
      return known.build(outputs)
    },
  }
}

/** The type that TensorFlow knows; TF.js reports some types as others. */
function typeInTensorFlow(backend: NodeBackend, { dataId }: tf.TensorInfo): TensorType {
  const { dtype, shape } = backend.tensorMap.get(dataId)
  return { dtype, shape: [...shape] }
}
