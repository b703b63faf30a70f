// Creates tensors from values and reads them back, synchronously or on a worker thread.
import { callAsync, type TensorHandle } from './c-api.js'
import { DTYPES } from './dtypes.js'
import type { Runtime } from './runtime.js'
import { check } from './status.js'
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
    const handle = api.TFE_NewTensorHandle(tensor, status)
    check(api, status, 'new tensor')
    return toDevice(runtime, handle, dtype)
  } finally {
    api.TF_DeleteTensor(tensor)
  }
}

/** TensorFlow's GPU kernels expect int32 and strings on the host: they are shapes and names. */
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

/** The tensor's values; waits for whatever computes them. */
export function readSync({ api, status }: Runtime, handle: TensorHandle): ReadValues {
  const tensor = api.TFE_TensorHandleResolve(handle, status)
  check(api, status, 'tensor data')
  try {
    return readTensor(api, tensor)
  } finally {
    api.TF_DeleteTensor(tensor)
  }
}

/** Reads through a second handle, so that the tensor can be deleted while the worker waits for it. */
export async function readAsync({ api, status }: Runtime, handle: TensorHandle): Promise<ReadValues> {
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
