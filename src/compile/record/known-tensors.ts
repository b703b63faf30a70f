/** The program under construction, and which of its values each TF.js tensor is. Tensors are identified by their `dataId`. */
import type * as tf from '#tfjs'
import type { Attribute } from '../../libtensorflow/attributes.js'
import { DTYPES, dtypeNumber } from '../../libtensorflow/dtypes.js'
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import { newBuilder } from '../program/builder.js'
import type { Elements, Program, TensorType, Value } from '../program/program.js'
import { registeredVariables } from './state.js'
import { requireSupportedType } from './support.js'

/** A recorded step. Arguments: the inputs by name, and `state:NAME` for variables. Results: `output:NAME` and `state:NAME`. */
export interface RecordedProgram {
  readonly program: Program
  /** The variables that the step reads or assigns, by `state:NAME`. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** For each node of the program, the stack of the user's code that created it. */
  readonly sites: readonly (Error | undefined)[]
}

export interface KnownTensors {
  /** Notes that the running code created a tensor from JavaScript values. */
  wrote(dataId: tf.DataId): void
  argument(name: string, tensor: tf.TensorInfo): Value
  /**
   * The argument or result that this tensor is; otherwise a variable's state; otherwise a constant. Throws a CompileRefusal if the
   * constant's type is not supported.
   */
  valueFor(tensor: tf.TensorInfo): Value
  dtypeOf(value: Value): number
  operation(operation: RecordedOperation, outputs: readonly tf.TensorInfo[], site: Error): void
  /** Whether the tensor's values may differ from step to step. */
  isComputed(dataId: tf.DataId): boolean
  /** The program that returns `outputs` and the assigned variables. */
  build(outputs: readonly (readonly [name: string, tensor: tf.Tensor])[]): RecordedProgram
}

/** An operation whose inputs are values of the program; `types` are those of its results. */
export interface RecordedOperation {
  readonly op: string
  readonly attributes: readonly Attribute[]
  readonly inputs: readonly Value[]
  readonly types: readonly TensorType[]
}

export function newKnownTensors(backend: NodeBackend): KnownTensors {
  const builder = newBuilder()
  const values = new Map<tf.DataId, Value>()
  const sites: (Error | undefined)[] = []
  const written = new Map<tf.DataId, Error>()
  const constants = new Set<tf.DataId>()
  const variables = variablesBefore()

  function add(tensor: tf.TensorInfo, value: Value, site: Error | undefined): Value {
    values.set(tensor.dataId, value)
    sites.push(site)
    return value
  }

  const argument = (name: string, tensor: tf.TensorInfo) =>
    add(tensor, builder.argument(name, typeOfTensor(tensor)), undefined)

  function constant(tensor: tf.TensorInfo): Value {
    const site = written.get(tensor.dataId) ?? new Error()
    const type = typeOfTensor(tensor)
    requireSupportedType(type.dtype, 'a constant is', site)
    constants.add(tensor.dataId)
    return add(tensor, builder.constant(elementsOf(backend, tensor, type), type), site)
  }

  function valueFor(tensor: tf.TensorInfo): Value {
    const known = values.get(tensor.dataId)
    if (known) return known
    const variable = variables.use(tensor.dataId)
    return variable ? argument(stateName(variable), variable) : constant(tensor)
  }

  return {
    wrote: dataId => void written.set(dataId, new Error()),
    argument,
    valueFor,
    dtypeOf: value => builder.typeOf(value).dtype,
    operation({ op, attributes, inputs, types }, outputs, site) {
      const results = builder.operation(op, attributes, inputs, types)
      sites.push(site)
      for (const [i, output] of outputs.entries()) values.set(output.dataId, results[i] as Value)
    },
    isComputed: dataId => !constants.has(dataId) && (values.has(dataId) || variables.has(dataId)),
    build(outputs) {
      const results = new Map(outputs.map(([name, tensor]) => [`output:${name}`, valueFor(tensor)]))
      for (const variable of variables.assigned()) {
        variables.note(variable)
        results.set(stateName(variable), valueFor(variable))
      }
      return { program: builder.build(results), variables: variables.used, sites }
    },
  }
}

/** The registered variables, by the tensors that they hold now. */
function variablesBefore() {
  const all = registeredVariables()
  const before = new Map(all.map(variable => [variable.dataId, variable]))
  const used = new Map<string, tf.Variable>()
  const note = (variable: tf.Variable) => void used.set(stateName(variable), variable)
  return {
    /** The noted variables, by `state:NAME`. */
    used,
    note,
    has: (dataId: tf.DataId): boolean => before.has(dataId),
    /** Notes and returns the variable that held this tensor. */
    use(dataId: tf.DataId): tf.Variable | undefined {
      const variable = before.get(dataId)
      if (variable) note(variable)
      return variable
    },
    /** The variables that hold another tensor since. */
    assigned: (): tf.Variable[] => all.filter(variable => before.get(variable.dataId) !== variable),
  }
}

const stateName = ({ name }: tf.Variable): string => `state:${name}`

const typeOfTensor = ({ dtype, shape }: tf.TensorInfo): TensorType => ({ dtype: dtypeNumber(dtype), shape: [...shape] })

/** A copy of the values, as TensorFlow stores them. */
function elementsOf(backend: NodeBackend, { dataId }: tf.TensorInfo, { dtype }: TensorType): Elements {
  const { id, values } = backend.tensorMap.get(dataId)
  const elements = (values ?? backend.binding.tensorDataSync(id)) as ArrayLike<number>
  if (dtype === DTYPES.TF_INT32) return Int32Array.from(elements)
  if (dtype === DTYPES.TF_BOOL) return Uint8Array.from(elements, Number)
  return Float32Array.from(elements)
}
