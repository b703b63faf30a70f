/**
 * Kernels of TF.js's WebAssembly backend (4.22) that are missing, compute wrong values, or write past the end of their result, which breaks
 * every later operation. Those that are composed here use kernels that are right; those that are not are refused.
 */

import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '#tfjs'
import { correctKernel, correctOnce } from './correct-kernel.js'
import { rowsOfGather } from './gather-rows.js'

const NAME = 'wasm'

const DILATION_GRADIENTS = [tf.Dilation2DBackpropInput, tf.Dilation2DBackpropFilter]

/** Registers them, unless that was done before. */
export function registerWasmKernels(): void {
  correctOnce('kernels of wasm', () => {
    correctKernel(tf.GatherV2, NAME, gather)
    correctKernel(tf.Reverse, NAME, throughIntegers(['x']))
    correctKernel(tf.Select, NAME, throughIntegers(['t', 'e']))
    correctKernel(tf.StridedSlice, NAME, stridedSlice)
    correctKernel(tf.OneHot, NAME, oneHot)
    correctKernel(tf.ClipByValue, NAME, clipByValue)
    for (const kernelName of DILATION_GRADIENTS) correctKernel(kernelName, NAME, () => refuseDilation)
    tf.registerKernel({ kernelName: tf.UnsortedSegmentSum, backendName: NAME, kernelFunc: segmentSum })
  })
}

function refuseDilation(): never {
  throw new Error("the gradient of dilation2d is wrong in TF.js's WebAssembly backend: use another backend")
}

/** The backend's own kernel reads wrong rows if there are batch dimensions, and returns a wrong shape if x is empty. */
function gather(kernel: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const { x, indices } = params.inputs as unknown as { x: tf.Tensor; indices: tf.Tensor }
    const { axis, batchDims } = params.attrs as unknown as tf.GatherV2Attrs
    if (batchDims === 0 && x.size > 0) return kernel(params)
    requireInRange(indices, x.shape[axis] as number, params.backend as BackendWasm)
    return tf.tidy(() => {
      const { rows, count, rowSize, shape } = rowsOfGather(x, indices, axis, batchDims)
      if (x.size === 0) return tf.zeros(shape, x.dtype)
      return tf.reshape(tf.gather(tf.reshape(x, [count, rowSize]), tf.reshape(rows, [-1])), shape)
    })
  }
}

function requireInRange(indices: tf.Tensor, size: number, backend: BackendWasm): void {
  const wrong = Array.from(backend.readSync(indices.dataId) as Int32Array).find(index => index < 0 || index >= size)
  if (wrong !== undefined) throw new Error(`GatherV2: the index value ${wrong} is not in [0, ${size - 1}]`)
}

/** For kernels that move elements of four bytes; booleans have one. */
function throughIntegers(inputs: readonly string[]): (kernel: tf.KernelFunc) => tf.KernelFunc {
  return kernel => params => {
    const given = params.inputs as unknown as Record<string, tf.Tensor>
    if (inputs.every(name => given[name]?.dtype !== 'bool')) return kernel(params)
    return tf.tidy(() => {
      const integers = inputs.map(name => [name, tf.cast(given[name] as tf.Tensor, 'int32')])
      const moved = kernel({ ...params, inputs: { ...given, ...Object.fromEntries(integers) } }) as tf.TensorInfo
      return tf.cast(tf.engine().makeTensorFromTensorInfo(moved), 'bool')
    })
  }
}

/** The backend's own kernel takes every element for a float32. */
function stridedSlice(kernel: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const { x } = params.inputs as unknown as { x: tf.Tensor }
    if (x.dtype === 'float32') return kernel(params)
    const attrs = params.attrs as unknown as tf.StridedSliceAttrs
    const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attrs
    const masks = [beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask] as const
    const slice = tf.slice_util.sliceInfo(x.shape, begin, end, strides, ...masks)
    return tf.tidy(() => tf.reshape(everyStride(x, slice), slice.finalShape))
  }
}

type Slice = ReturnType<typeof tf.slice_util.sliceInfo>

function everyStride(x: tf.Tensor, { begin, end, strides }: Slice): tf.Tensor {
  const counts = tf.slice_util.computeOutShape(begin, end, strides)
  return counts.reduce((taken, count, axis) => {
    const [first, stride] = [begin[axis], strides[axis]] as [number, number]
    const indices = Array.from({ length: count }, (_, i) => first + i * stride)
    return tf.gather(taken, tf.tensor1d(indices, 'int32'), axis)
  }, x)
}

/** The backend's own kernel writes every value as an int32. */
function oneHot(kernel: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const { dtype, depth, onValue, offValue } = params.attrs as unknown as tf.OneHotAttrs
    if (dtype === 'int32') return kernel(params)
    const { indices } = params.inputs as unknown as { indices: tf.Tensor }
    return tf.tidy(() => {
      const isOn = tf.cast(tf.oneHot(indices, depth), 'bool')
      return tf.cast(tf.where(isOn, tf.scalar(onValue), tf.scalar(offValue)), dtype)
    })
  }
}

/** The backend's own kernel takes every element for a float32. */
function clipByValue(kernel: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const { x } = params.inputs as unknown as { x: tf.Tensor }
    if (x.dtype !== 'int32') return kernel(params)
    const { clipValueMin, clipValueMax } = params.attrs as unknown as tf.ClipByValueAttrs
    const [low, high] = [clipValueMin, clipValueMax].map(limit => tf.scalar(Math.trunc(limit), 'int32'))
    return tf.tidy(() => tf.minimum(tf.maximum(x, low as tf.Tensor), high as tf.Tensor))
  }
}

/** x [n, …] and segment ids [n] -> [segments, …]: entry s is the sum of the x[i] whose id is s. Negative ids are left out. */
const segmentSum: tf.KernelFunc = params => {
  const { x, segmentIds } = params.inputs as unknown as { x: tf.Tensor; segmentIds: tf.Tensor }
  const { numSegments } = params.attrs as unknown as tf.UnsortedSegmentSumAttrs
  const backend = params.backend as BackendWasm
  requireSegments(x, segmentIds)
  const ids = backend.readSync(segmentIds.dataId) as Int32Array
  const sums = backend.makeOutput([numSegments, ...x.shape.slice(1)], x.dtype)
  const [from, to] = [x, sums].map(tensor => backend.typedArrayFromHeap(tensor)) as [Float32Array, Float32Array]
  to.fill(0)
  const rowSize = tf.util.sizeFromShape(x.shape.slice(1))
  ids.forEach((id, row) => {
    if (id < 0 || id >= numSegments) return
    const [source, target] = [row * rowSize, id * rowSize]
    for (let i = 0; i < rowSize; i++) to[target + i] = (to[target + i] as number) + (from[source + i] as number)
  })
  return sums
}

function requireSegments(x: tf.Tensor, segmentIds: tf.Tensor): void {
  if (x.dtype !== 'float32' && x.dtype !== 'int32')
    throw new Error(`unsortedSegmentSum: x is ${x.dtype}; float32 or int32 was expected`)
  if (segmentIds.rank !== 1 || segmentIds.size !== x.shape[0])
    throw new Error(
      `unsortedSegmentSum: segment ids of shape [${segmentIds.shape}] for x of shape [${x.shape}]; [${x.shape[0]}] was expected`,
    )
}
