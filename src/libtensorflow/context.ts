// TensorFlow's eager context, in which operations run, and its devices.
import { type CApi, type EagerContext, required, type Status } from './c-api.js'
import { bytesField, intField, textField } from './protobuf.js'
import { check, checked } from './status.js'

/** A TensorFlow device: full name such as `/job:localhost/replica:0/task:0/device:CPU:0`, type such as `CPU` or `GPU`. */
export interface Device {
  readonly name: string
  readonly type: string
}

/** The resources that a context may use. */
export interface SessionSettings {
  /** CPU threads, both within and between operations. */
  readonly threads: number
  /** Whether to use the first visible GPU, allocating its memory as needed; otherwise GPUs are hidden. */
  readonly gpu: boolean
}

/** A serialized ConfigProto (tensorflow/core/protobuf/config.proto). */
export function sessionConfig({ threads, gpu }: SessionSettings): Uint8Array {
  const [deviceCount, intraOp, interOp, gpuOptions, allowSoftPlacement] = [1, 2, 5, 6, 7]
  const [allowGrowth, visibleDeviceList] = [4, 5]
  const devices = gpu
    ? // Operations of a function that lack a GPU kernel run on the CPU.
      [
        bytesField(gpuOptions, intField(allowGrowth, 1), textField(visibleDeviceList, '0')),
        intField(allowSoftPlacement, 1),
      ]
    : [bytesField(deviceCount, textField(1, 'GPU'), intField(2, 0))]
  return Buffer.concat([intField(intraOp, threads), intField(interOp, threads), ...devices])
}

/** Opens a context, configured by a serialized ConfigProto if given. Devices are in TensorFlow's order. */
export function openContext(
  api: CApi,
  status: Status,
  config: Uint8Array | undefined,
): { context: EagerContext; devices: Device[] } {
  const context = newContext(api, status, config)
  try {
    return { context, devices: listDevices(api, status, context) }
  } catch (error) {
    api.TFE_DeleteContext(context)
    throw error
  }
}

/** A context without its list of devices; the caller deletes it. */
export function newContext(api: CApi, status: Status, config: Uint8Array | undefined): EagerContext {
  const options = required(api.TFE_NewContextOptions(), 'TFE_NewContextOptions')
  try {
    if (config !== undefined) api.TFE_ContextOptionsSetConfig(options, config, config.length, status)
    check(api, status, 'TensorFlow settings')
    return checked(api, status, 'TensorFlow context', api.TFE_NewContext(options, status))
  } finally {
    api.TFE_DeleteContextOptions(options)
  }
}

function listDevices(api: CApi, status: Status, context: EagerContext): Device[] {
  const where = 'TensorFlow devices'
  const list = checked(api, status, where, api.TFE_ContextListDevices(context, status))
  try {
    return Array.from({ length: api.TF_DeviceListCount(list) }, (_, i) => ({
      name: checked(api, status, where, api.TF_DeviceListName(list, i, status)),
      type: checked(api, status, where, api.TF_DeviceListType(list, i, status)),
    }))
  } finally {
    api.TF_DeleteDeviceList(list)
  }
}
