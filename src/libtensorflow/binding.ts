// What tfjs-node's kernels run on, over TensorFlow's C API: the interface of its C++ addon (tfjs_binding.d.ts) and asynchronous twins.
import { ATTRIBUTE_TYPES, type Attribute, setAttribute } from './attributes.js'
import { type CApi, type Context, callAsync, type Op, type Status, type TensorHandle } from './c-api.js'
import { type Device, openContext } from './context.js'
import { DTYPES, dtypeNumber } from './dtypes.js'
import { deleteSavedModel, loadSavedModel, runSavedModel, type SavedModel } from './saved-models.js'
import { check } from './status.js'
import { newTensorTable, type TensorMetadata, type TensorTable } from './tensor-table.js'
import { newTensor, type ReadValues, readTensor, type Values } from './tensor-values.js'

type Constants = typeof DTYPES & typeof ATTRIBUTE_TYPES

/** Tensors are numbers, valid from the call that returns them to `deleteTensor`. Refusals of TensorFlow's are TensorFlowErrors. */
export interface Binding extends Constants {
  readonly TF_Version: string
  readonly devices: readonly Device[]
  /** For what goes beyond this interface: defining functions, which `executeOp` and `executeOpAsync` then run by name. */
  readonly api: CApi
  readonly context: Context
  isUsingGpuDevice(): boolean

  /** `dtype` is TensorFlow's number or TF.js's name; throws an Error if the values do not fill the shape. */
  createTensor(shape: readonly number[], dtype: number | string, values: Values): number
  deleteTensor(id: number): void
  tensorDataSync(id: number): ReadValues
  /** Waits for the values on a worker thread; the tensor may be deleted meanwhile. */
  tensorData(id: number): Promise<ReadValues>
  getNumOfTensors(): number

  /** Results have `numOutputs` elements, or fewer if the operation has fewer. */
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    numOutputs: number,
  ): TensorMetadata[]
  /** Runs the operation on a worker thread; inputs may be deleted meanwhile, and other operations run. */
  executeOpAsync(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    numOutputs: number,
  ): Promise<TensorMetadata[]>

  /** `tags` are separated by commas. */
  loadSavedModel(directory: string, tags: string): number
  deleteSavedModel(id: number): void
  /** `inputNames` and `outputNames`, separated by commas, are `node` or `node:index`. */
  runSavedModel(id: number, inputs: readonly number[], inputNames: string, outputNames: string): TensorMetadata[]
  getNumOfSavedModels(): number
}

/** What every call works with. `status` serves calls on the main thread only; one on a worker thread has its own. */
interface Runtime {
  readonly api: CApi
  readonly status: Status
  readonly context: Context
  readonly tensors: TensorTable
  /** The device that new tensors are copied to, unless that is the CPU. */
  readonly gpu: string | undefined
}

/** A context of TensorFlow's, set by a serialized ConfigProto if given, that lives as long as the process. */
export function createBinding(api: CApi, options: { readonly config?: Uint8Array } = {}): Binding {
  const status = api.TF_NewStatus()
  try {
    return newBinding(api, status, options.config)
  } catch (error) {
    api.TF_DeleteStatus(status)
    throw error
  }
}

function newBinding(api: CApi, status: Status, config: Uint8Array | undefined): Binding {
  const { context, devices } = openContext(api, status, config)
  const gpu = devices.find(device => device.type === 'GPU')?.name
  const runtime = { api, status, context, gpu, tensors: newTensorTable(api, status) }
  return {
    ...DTYPES,
    ...ATTRIBUTE_TYPES,
    TF_Version: api.TF_Version(),
    devices,
    api,
    context,
    isUsingGpuDevice: () => gpu !== undefined,
    ...tensorMethods(runtime),
    ...operationMethods(runtime),
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

function operationMethods(runtime: Runtime): Pick<Binding, 'executeOp' | 'executeOpAsync'> {
  const { api, status, tensors } = runtime
  const count = new Int32Array(1)
  let outputs = new BigUint64Array(8)

  function executeOp(...[name, attributes, inputs, numOutputs]: Parameters<Binding['executeOp']>): TensorMetadata[] {
    const op = newOp(runtime, name, attributes, inputs)
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

  return {
    executeOp,
    executeOpAsync: async (name, attributes, inputs, numOutputs) =>
      tensors.addDescribed(await executeOnWorker(api, newOp(runtime, name, attributes, inputs), name, numOutputs)),
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

function createHandle(runtime: Runtime, shape: readonly number[], dtype: number, values: Values): TensorHandle {
  const { api, status } = runtime
  const tensor = newTensor(api, status, shape, dtype, values)
  try {
    const handle = api.TFE_NewTensorHandle(tensor, status)
    check(api, status, 'new tensor')
    return toDevice(runtime, handle, dtype)
  } finally {
    api.TF_DeleteTensor(tensor)
  }
}

/** TensorFlow's GPU kernels expect int32 and strings, being shapes and names, on the host. */
function toDevice({ api, status, context, gpu }: Runtime, handle: TensorHandle, dtype: number): TensorHandle {
  if (gpu === undefined || dtype === DTYPES.TF_INT32 || dtype === DTYPES.TF_STRING) return handle
  try {
    const copy = api.TFE_TensorHandleCopyToDevice(handle, context, gpu, status)
    check(api, status, gpu)
    return copy
  } finally {
    api.TFE_DeleteTensorHandle(handle)
  }
}

function readSync({ api, status }: Runtime, handle: TensorHandle): ReadValues {
  const tensor = api.TFE_TensorHandleResolve(handle, status)
  check(api, status, 'tensor data')
  try {
    return readTensor(api, tensor)
  } finally {
    api.TF_DeleteTensor(tensor)
  }
}

/** Reads through a handle of its own, so that the tensor can be deleted while the worker waits for it. */
async function readAsync({ api, status }: Runtime, handle: TensorHandle): Promise<ReadValues> {
  const shared = api.TFE_TensorHandleCopySharingTensor(handle, status)
  check(api, status, 'tensor data')
  const ownStatus = api.TF_NewStatus()
  try {
    const tensor = await callAsync(api.TFE_TensorHandleResolve, shared, ownStatus)
    check(api, ownStatus, 'tensor data')
    try {
      return readTensor(api, tensor)
    } finally {
      api.TF_DeleteTensor(tensor)
    }
  } finally {
    api.TF_DeleteStatus(ownStatus)
    api.TFE_DeleteTensorHandle(shared)
  }
}

function newOp(
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
    
    throw error
  }
}

/** The op holds its inputs, so nothing here refers to the table; the op is deleted in any case. */
async function executeOnWorker(api: CApi, op: Op, name: string, numOutputs: number): Promise<TensorHandle[]> {
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

function firstHandles(outputs: BigUint64Array, count: Int32Array): TensorHandle[] {
  return Array.from(outputs.subarray(0, count[0])) as TensorHandle[]
}
