// The live tensors of a binding: a map from the ids that tfjs-node's kernels see to TensorFlow's handles.
import type { CApi, Status, TensorHandle } from './c-api.js'
import { requireDimensions } from './shapes.js'
import { check } from './status.js'

/** What tfjs-node's kernels know about a tensor; `dtype` is TensorFlow's number. */
export interface TensorMetadata {
  id: number
  shape: number[]
  dtype: number
}

export interface TensorTable {
  readonly size: number
  /** Takes ownership of the handle; returns its id. */
  add(handle: TensorHandle): number
  /** Takes ownership of all handles; if one cannot be described, deletes all and throws. */
  addDescribed(handles: readonly TensorHandle[]): TensorMetadata[]
  /** The handle, which the table still owns; throws an Error on an unknown id. */
  get(id: number): TensorHandle
  delete(id: number): void
}

/** An empty table. */
export function newTensorTable(api: CApi, status: Status): TensorTable {
  const handles = new Map<number, TensorHandle>()
  let nextId = 0

  function add(handle: TensorHandle): number {
    handles.set(nextId, handle)
    return nextId++
  }

  function get(id: number): TensorHandle {
    const handle = handles.get(id)
    if (handle === undefined) throw new Error(`there is no tensor ${id}: it was deleted or never created`)
    return handle
  }

  return {
    get size() {
      return handles.size
    },
    add,
    get,
    addDescribed: outputs => {
      const shapes = shapesOrDelete(api, status, outputs)
      return outputs.map((handle, i) => ({
        id: add(handle),
        shape: shapes[i] ?? [],
        dtype: api.TFE_TensorHandleDataType(handle),
      }))
    },
    delete: id => {
      api.TFE_DeleteTensorHandle(get(id))
      handles.delete(id)
    },
  }
}

function shapesOrDelete(api: CApi, status: Status, handles: readonly TensorHandle[]): number[][] {
  try {
    return handles.map(handle => shapeOf(api, status, handle))
  } catch (error) {
    for (const handle of handles) api.TFE_DeleteTensorHandle(handle)
    throw error
  }
}

function shapeOf(api: CApi, status: Status, handle: TensorHandle): number[] {
  const rank = api.TFE_TensorHandleNumDims(handle, status)
  check(api, status, 'shape of a result')
  requireDimensions(rank)
  const shape: number[] = []
  for (let i = 0; i < rank; i++) shape.push(Number(api.TFE_TensorHandleDim(handle, i, status)))
  return shape
}
