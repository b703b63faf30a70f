// The interface of tfjs-node's C++ addon (tfjs_binding.d.ts), which its kernels call, on TensorFlow's C API; plus functions.
import { ATTRIBUTE_TYPES, type Attribute } from './attributes.js'
import { type CApi, required, type Status } from './c-api.js'
import { abortCollectives, type Cluster, joinCluster, whyUnreachable } from './cluster.js'
import { type Device, openContext } from './context.js'
import { DTYPES, dtypeNumber } from './dtypes.js'
import { firstHandles, newOp } from './eager-operations.js'
import { type Functions, openFunctions } from './functions.js'
import type { Runtime } from './runtime.js'
import { deleteSavedModel, loadSavedModel, runSavedModel, type SavedModel } from './saved-models.js'
import { check, checked, newStatus } from './status.js'
import { newTensorTable, type TensorMetadata } from './tensor-table.js'
import type { ReadValues, TensorValues } from './tensor-values.js'
import { createHandle, readAsync, readSync } from './tensors.js'

type Constants = typeof DTYPES & typeof ATTRIBUTE_TYPES

/** Tensors are ids, valid until `deleteTensor`. Errors of TensorFlow are thrown as TensorFlowErrors. */
export interface Binding extends Constants {
  readonly TF_Version: string
  readonly devices: readonly Device[]
  readonly api: CApi
  /** The cluster of processes that it is a worker of. */
  readonly cluster: Cluster | undefined
  /** Why another worker of the cluster does not answer within `milliseconds`; undefined if it does. */
  whyUnreachable(index: number, milliseconds: number): Promise<string | undefined>
  /** Makes all collective operations fail for this reason, those in flight and later ones. */
  abortCollectives(reason: string): void
  isUsingGpuDevice(): boolean
  /** The full name of the device that holds a tensor. */
  deviceOf(id: number): string

  /** `dtype` is TensorFlow's number or TF.js's name; throws an Error if the values do not fill the shape. */
  createTensor(shape: readonly number[], dtype: number | string, values: TensorValues): number
  deleteTensor(id: number): void
  tensorDataSync(id: number): ReadValues
  /** Waits for the values on a worker thread; the tensor may be deleted meanwhile. */
  tensorData(id: number): Promise<ReadValues>
  getNumOfTensors(): number

  /** Returns `numOutputs` results, or fewer if the operation has fewer. */
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    numOutputs: number,
  ): TensorMetadata[]
  /** An empty set of functions, which run on the binding's tensors. */
  openFunctions(): Functions

  /** `tags` are separated by commas. */
  loadSavedModel(directory: string, tags: string): number
  deleteSavedModel(id: number): void
  /** `inputNames` and `outputNames`, separated by commas, are `node` or `node:index`. */
  runSavedModel(id: number, inputs: readonly number[], inputNames: string, outputNames: string): TensorMetadata[]
  getNumOfSavedModels(): number
}

export interface BindingOptions {
  /** A serialized ConfigProto. */
  readonly config?: Uint8Array
  readonly cluster?: Cluster | undefined
}

/** A binding with its own TensorFlow context. It lives as long as the process. */
export function createBinding(api: CApi, options: BindingOptions = {}): Binding {
  const status = newStatus(api)
  try {
    return newBinding(api, status, options)
  } catch (error) {
    api.TF_DeleteStatus(status)
    throw error
  }
}

function newBinding(api: CApi, status: Status, { config, cluster }: BindingOptions): Binding {
  const { context, devices } = openContext(api, status, config)
  if (cluster) joinCluster(api, status, context, cluster)
  const gpu = devices.find(device => device.type === 'GPU')?.name
  const runtime = { api, status, context, config, gpu, cluster, tensors: newTensorTable(api, status) }
  return {
    ...DTYPES,
    ...ATTRIBUTE_TYPES,
    TF_Version: required(api.TF_Version(), 'TF_Version'),
    devices,
    api,
    cluster,
    whyUnreachable: (index, milliseconds) => whyUnreachable(api, context, index, milliseconds),
    abortCollectives: reason => abortCollectives(api, context, reason),
    isUsingGpuDevice: () => gpu !== undefined,
    deviceOf(id) {
      const device = api.TFE_TensorHandleBackingDeviceName(runtime.tensors.get(id), status)
      return checked(api, status, 'device of a tensor', device)
    },
    ...tensorMethods(runtime),
    executeOp: operationRunner(runtime),
    openFunctions: () => openFunctions(runtime),
    ...savedModelMethods(runtime),
  }
}

function tensorMethods(
  runtime: Runtime,
): Pick<Binding, 'createTensor' | 'deleteTensor' | 'tensorDataSync' | 'tensorData' | 'getNumOfTensors'> {
  const { tensors } = runtime
  return {
    createTensor: (shape, dtype, values) => tensors.add(createHandle(runtime, shape, dtypeNumber(dtype), values)),
    deleteTensor: id => tensors.delete(id),
    tensorDataSync: id => readSync(runtime, tensors.get(id)),
    tensorData: async id => readAsync(runtime, tensors.get(id)),
    getNumOfTensors: () => tensors.size,
  }
}

function operationRunner(runtime: Runtime): Binding['executeOp'] {
  const { api, status, tensors } = runtime
  const count = new Int32Array(1)
  let outputs = new BigUint64Array(8)

  return (name, attributes, inputs, numOutputs) => {
    if (!Number.isInteger(numOutputs) || numOutputs < 0) throw new Error(`${name}: it has no ${numOutputs} results`)
    const handles = inputs.map(id => tensors.get(id))
    const op = newOp(runtime, name, attributes, handles)
    if (numOutputs > outputs.length) outputs = new BigUint64Array(numOutputs)
    count[0] = numOutputs
    try {
      api.TFE_Execute(op, outputs, count, status)
      check(api, status, name)
    } finally {
      api.TFE_DeleteOp(op)
    }
    return tensors.addDescribed(firstHandles(outputs, count))
  }
}

function savedModelMethods(
  runtime: Runtime,
): Pick<Binding, 'loadSavedModel' | 'deleteSavedModel' | 'runSavedModel' | 'getNumOfSavedModels'> {
  const { api, status, tensors } = runtime
  const models = new Map<number, SavedModel>()
  let nextId = 0

  function get(id: number): SavedModel {
    const model = models.get(id)
    if (model === undefined) throw new Error(`there is no SavedModel ${id}: it was deleted or never loaded`)
    return model
  }

  return {
    loadSavedModel: (directory, tags) => {
      models.set(nextId, loadSavedModel(api, status, directory, tags))
      return nextId++
    },
    deleteSavedModel: id => {
      const model = get(id)
      models.delete(id)
      deleteSavedModel(api, status, model)
    },
    runSavedModel: (id, inputs, inputNames, outputNames) => {
      const handles = inputs.map(input => tensors.get(input))
      return tensors.addDescribed(runSavedModel(api, status, get(id), handles, inputNames, outputNames))
    },
    getNumOfSavedModels: () => models.size,
  }
}
