// TensorFlow's eager context: where operations run, and the devices that they run on.
import type { CApi, EagerContext, Status } from './c-api.js'
import { bytesField, intField, textField } from './protobuf.js'
import { check } from './status.js'

/** A device of TensorFlow's: full name such as `/job:localhost/replica:0/task:0/device:CPU:0`, type such as `CPU` or `GPU`. */
export interface Device {
  readonly name: string
  readonly type: string
}

/** What a context may use. */
export interface SessionSettings {
  /** CPU threads, of operations and between them. */
  readonly threads: number
  /** The first visible GPU, whose memory it takes as it needs it; without, TensorFlow's GPUs are hidden. */
  readonly gpu: boolean
}

/** A serialized ConfigProto (tensorflow/core/protobuf/config.proto). */
export function sessionConfig({ threads, gpu }: SessionSettings): Uint8Array {
  const [deviceCount, intraOp, interOp, gpuOptions, allowSoftPlacement] = [1, 2, 5, 6, 7]
  const [allowGrowth, visibleDeviceList] = [4, 5]
  const devices = gpu
    ? // Operations of a function that have no kernel for GPUs go to the CPU.
      [
        bytesField(gpuOptions, intField(allowGrowth, 1), textField(visibleDeviceList, '0')),
        intField(allowSoftPlacement, 1),
      ]
    : [bytesField(deviceCount, textField(1, 'GPU'), intField(2, 0))]
  return Buffer.concat([intField(intraOp, threads), intField(interOp, threads), ...devices])
}

/** A context that lives as long as the process, set by a serialized ConfigProto if there is one, and its devices in TensorFlow's order. */
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

function newContext(api: CApi, status: Status, config: Uint8Array | undefined): EagerContext {
  const options = api.TFE_NewContextOptions()
  try {
    if (config !== undefined) api.TFE_ContextOptionsSetConfig(options, config, config.length, status)
    check(api, status, 'TensorFlow settings')
    const context = api.TFE_NewContext(options, status)
    check(api, status, 'TensorFlow context')
    return context
  } finally {
    api.TFE_DeleteContextOptions(options)
  }
}

function listDevices(api: CApi, status: Status, context: EagerContext): Device[] {
  const list = api.TFE_ContextListDevices(context, status)
  check(api, status, 'TensorFlow devices')
  try {
    return Array.from({ length: api.TF_DeviceListCount(list) }, (_, i) => ({
      name: api.TF_DeviceListName(list, i, status),
      type: api.TF_DeviceListType(list, i, status),
    }))
  } finally {
    api.TF_DeleteDeviceList(list)
  }
}
