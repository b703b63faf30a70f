// Creates tensors from values and reads them back, synchronously or on a worker thread.
import { callAsync, type TensorHandle } from './c-api.js'
import { DTYPES } from './dtypes.js'
import type { Runtime } from './runtime.js'
import { checked, newStatus } from './status.js'
import { newTensor, type ReadValues, readTensor, type TensorValues } from './tensor-values.js'

/** A new tensor, on the device that computes. */
export function createHandle(
  runtime: Runtime,
  shape: readonly number[],
  dtype: number,
  values: TensorValues,
): TensorHandle {
  const { api, status } = runtime
  const tensor = newTensor(api, status, shape, dtype, values)
  try {
    const handle = checked(api, status, 'new tensor', api.TFE_NewTensorHandle(tensor, status))
    return toDevice(runtime, handle, dtype)
  } finally {
    api.TF_DeleteTensor(tensor)
  }
}

/** TensorFlow's GPU kernels expect int32 and strings on the host: they are shapes and names. */
function toDevice({ api, status, context, gpu }: Runtime, handle: TensorHandle, dtype: number): TensorHandle {
  if (gpu === undefined || dtype === DTYPES.TF_INT32 || dtype === DTYPES.TF_STRING) return handle
  try {
    return checked(api, status, gpu, api.TFE_TensorHandleCopyToDevice(handle, context, gpu, status))
  } finally {
    api.TFE_DeleteTensorHandle(handle)
  }
}

/** The tensor's values; waits for whatever computes them. */
export function readSync({ api, status }: Runtime, handle: TensorHandle): ReadValues {
  const tensor = checked(api, status, 'tensor data', api.TFE_TensorHandleResolve(handle, status))
  try {
    return readTensor(api, tensor)
  } finally {
    api.TF_DeleteTensor(tensor)
  }
}

/** Reads through a second handle, so that the tensor can be deleted while the worker waits for it. */
export async function readAsync({ api, status }: Runtime, handle: TensorHandle): Promise<ReadValues> {
  const shared = checked(api, status, 'tensor data', api.TFE_TensorHandleCopySharingTensor(handle, status))
  const ownStatus = newStatus(api)
  try {
    const resolved = await callAsync(api.TFE_TensorHandleResolve, shared, ownStatus)
    const tensor = checked(api, ownStatus, 'tensor data', resolved)
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
