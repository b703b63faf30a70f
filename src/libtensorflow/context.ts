// TensorFlow's eager context: where operations run, and the devices that they run on.
import type { CApi, Context, Status } from './c-api.js'
import { check } from './status.js'

/** A device of TensorFlow's: full name such as `/job:localhost/replica:0/task:0/device:CPU:0`, type such as `CPU` or `GPU`. */
export interface Device {
  readonly name: string
  readonly type: string
}

/** A context that lives as long as the process, set by a serialized ConfigProto if there is one, and its devices in TensorFlow's order. */
export function openContext(
  api: CApi,
  status: Status,
  config: Uint8Array | undefined,
): { context: Context; devices: Device[] } {
  const context = newContext(api, status, config)
  try {
    return { context, devices: listDevices(api, status, context) }
  } catch (error) {
    api.TFE_DeleteContext(context)
    throw error
  }
}

function newContext(api: CApi, status: Status, config: Uint8Array | undefined): Context {
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

function listDevices(api: CApi, status: Status, context: Context): Device[] {
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
