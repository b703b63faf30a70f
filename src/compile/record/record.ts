/** Runs a step once for real and writes down, as a program, every operation that it sends to TensorFlow. */
import type * as tf from '@tensorflow/tfjs'
import { DTYPES, dtypeNumber } from '../../libtensorflow/dtypes.js'
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import { opDefinition } from '../../libtensorflow/op-definitions.js'
import { newBuilder } from '../program/builder.js'
import type { Elements, Program, TensorType, Value } from '../program/program.js'
import { CompileRefusal, callSite } from '../refusal.js'
import { inferAttributes } from './attribute-inference.js'
import { intercept, type Listener } from './intercept.js'
import { requireSynchronous, requireTensors } from './outputs.js'
import { type OutsideCall, watchOutside } from './outside.js'
import { registeredVariables } from './state.js'
import { requireCompilable, requireReadable, requireSupportedType } from './support.js'

/** A step as a program. Its arguments are the inputs by name, and `state:NAME` for variables; results are `output:NAME` and `state:NAME`. */
export interface Recording {
  readonly program: Program
  /** The variables that the step reads or assigns, by `state:NAME`. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** For each node of the program, where in the user's code it comes from. */
  readonly sites: readonly (Error | undefined)[]
  /** The first call that asked JavaScript for the time or a random number. */
  readonly outside: OutsideCall | undefined
}

/** Records one run of `step`, inside of a scope of TF.js's; `inputs` are tensors that it uses, which become arguments. Throws a CompileRefusal. */
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
  finish(outputs: unknown): Omit<Recording, 'outside'>
}

function newRecorder(backend: NodeBackend): Recorder {
  const builder = newBuilder()
  const values = new Map<tf.DataId, Value>()
  const sites: (Error | undefined)[] = []
  const written = new Map<tf.DataId, Error>()
  const constants = new Set<tf.DataId>()
  const variables = registeredVariables()
  const before = new Map(variables.map(variable => [variable.dataId, variable]))
  const touched = new Map<string, tf.Variable>()
  let refusal: CompileRefusal | undefined // thrown at the end, where no `catch` or promise of the step's swallows it

  function argument(name: string, tensor: tf.TensorInfo): Value {
    const value = builder.argument(name, typeOfTensor(tensor))
    sites.push(undefined)
    values.set(tensor.dataId, value)
    return value
  }

  function constant(tensor: tf.TensorInfo): Value {
    const site = written.get(tensor.dataId) ?? new Error()
    const type = typeOfTensor(tensor)
    requireSupportedType(type.dtype, 'a constant is', site)
    const value = builder.constant(elementsOf(backend, tensor, type), type)
    sites.push(site)
    constants.add(tensor.dataId)
    values.set(tensor.dataId, value)
    return value
  }

  function valueFor(tensor: tf.TensorInfo): Value {
    const known = values.get(tensor.dataId)
    if (known) return known
    const variable = before.get(tensor.dataId)
    if (!variable) return constant(tensor)
    touched.set(stateName(variable), variable)
    return argument(stateName(variable), variable)
  }

  return {
    argument: (name, tensor) => void argument(name, tensor),
    wrote: dataId => void written.set(dataId, new Error()),
    reads(dataId) {
      if (constants.has(dataId) || !(values.has(dataId) || before.has(dataId))) return
      refusal ??= new CompileRefusal(
        'it reads the values of a tensor (dataSync, arraySync, data or array)',
        'keep values in tensors, and return as an output what is to be read',
        callSite(new Error()),
      )
    },
    executed(op, attributes, inputs, outputs) {
      const site = new Error()
      const definition = opDefinition(backend.binding.api, op)
      requireCompilable(op, definition, outputs.length, site)
      const types = outputs.map(output => typeInTensorFlow(backend, output))
      for (const { dtype } of types) requireSupportedType(dtype, `${op} gives`, site)
      const operands = inputs.map(input => valueFor(input))
      const dtypes = operands.map(operand => builder.typeOf(operand).dtype)
      const results = builder.operation(op, inferAttributes(definition, attributes, dtypes), operands, types)
      sites.push(site)
      for (const [i, output] of outputs.entries()) values.set(output.dataId, results[i] as Value)
    },
    finish(returned) {
      requireSynchronous(returned)
      if (refusal) throw refusal
      const outputs = Object.entries(requireTensors(returned))
      for (const [name, { dtype }] of outputs) requireReadable(name, dtype)
      const results = new Map(outputs.map(([name, tensor]) => [`output:${name}`, valueFor(tensor)]))
      for (const variable of variables) {
        if (before.get(variable.dataId) === variable) continue
        touched.set(stateName(variable), variable)
        results.set(stateName(variable), valueFor(variable))
      }
      return { program: builder.build(results), variables: touched, sites }
    },
  }
}

const stateName = ({ name }: tf.Variable): string => `state:${name}`

const typeOfTensor = ({ dtype, shape }: tf.TensorInfo): TensorType => ({ dtype: dtypeNumber(dtype), shape: [...shape] })

/** TF.js shows some types of TensorFlow's as others. */
function typeInTensorFlow(backend: NodeBackend, { dataId }: tf.TensorInfo): TensorType {
  const { dtype, shape } = backend.tensorMap.get(dataId)
  return { dtype, shape: [...shape] }
}

/** A copy of the values, as TensorFlow stores them. */
function elementsOf(backend: NodeBackend, { dataId }: tf.TensorInfo, { dtype }: TensorType): Elements {
  const { id, values } = backend.tensorMap.get(dataId)
  const elements = (values ?? backend.binding.tensorDataSync(id)) as ArrayLike<number>
  if (dtype === DTYPES.TF_INT32) return Int32Array.from(elements)
  if (dtype === DTYPES.TF_BOOL) return Uint8Array.from(elements, Number)
  return Float32Array.from(elements)
}
