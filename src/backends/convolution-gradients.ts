/**
 * Gradients of a convolution for TF.js's WebAssembly backend, which has none for the filter and a scalar loop for the image. Let patches(x)
 * have one row per image and output position, with the values that the kernel covers there (im2col). Then a convolution is
 * y = patches(x) W, so dW = patches(x)^T dy, and dx is the sum of dy W^T over overlapping patches.
 */

import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '#tfjs'

type FilterAttributes = Pick<tf.Conv2DBackpropFilterAttrs, 'strides' | 'pad' | 'dataFormat' | 'dimRoundingMode'> & {
  filterShape: Size
}
type InputAttributes = Omit<FilterAttributes, 'filterShape'> & { inputShape: Size }
type Size = [number, number, number, number]
type Info = tf.backend_util.Conv2DInfo

/** Registers the kernels `Conv2DBackpropFilter` and `Conv2DBackpropInput`, unless that was done before. */
export function registerConvolutionGradients(): void {
  if (tf.getKernel(tf.Conv2DBackpropFilter, 'wasm')) return
  tf.unregisterKernel(tf.Conv2DBackpropInput, 'wasm')
  tf.registerKernel({
    kernelName: tf.Conv2DBackpropFilter,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D }
      return tf.tidy(() => filterGradient(x, dy, attrs as unknown as FilterAttributes, backend as BackendWasm))
    },
  })
  tf.registerKernel({
    kernelName: tf.Conv2DBackpropInput,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { dy, filter } = inputs as unknown as { dy: tf.Tensor4D; filter: tf.Tensor4D }
      return tf.tidy(() => inputGradient(dy, filter, attrs as unknown as InputAttributes, backend as BackendWasm))
    },
  })
}

function filterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  attributes: FilterAttributes,
  backend: BackendWasm,
): tf.Tensor {
  const { filterShape } = attributes
  const patches = patchesOf(x, convolution(x.shape, filterShape, attributes), backend)
  // Transposes dy and the result, because patches are many times as large.
  const transposed = tf.matMul(tf.reshape(dy, [-1, filterShape[3]]), patches, true) // [out channels, patch]
  return tf.reshape(tf.transpose(transposed), filterShape)
}

function inputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  attributes: InputAttributes,
  backend: BackendWasm,
): tf.Tensor {
  const channels = filter.shape[3]
  const patches = tf.matMul(tf.reshape(dy, [-1, channels]), tf.reshape(filter, [-1, channels]), false, true)
  return overlapSum(patches, convolution(attributes.inputShape, filter.shape, attributes), backend)
}

function convolution(input: Size, filter: Size, attributes: Omit<FilterAttributes, 'filterShape'>): Info {
  const { strides, pad, dataFormat, dimRoundingMode } = attributes
  if (dataFormat !== 'NHWC') throw new Error(`gradient of a convolution: data format ${dataFormat}; NHWC was expected`)
  return tf.backend_util.computeConv2DInfo(input, filter, strides, 1, pad, dimRoundingMode)
}

/** [images * out rows * out columns, kernel rows * kernel columns * in channels], with zeros outside of the image. */
function patchesOf(x: tf.Tensor4D, info: Info, backend: BackendWasm): tf.Tensor2D {
  const { batchSize, outHeight, outWidth, filterHeight, filterWidth, inChannels } = info
  const patches = newTensor([batchSize * outHeight * outWidth, filterHeight * filterWidth * inChannels], backend)
  const [from, to] = [values(x, backend), values(patches, backend).fill(0)]
  eachRun(info, (patch, image, length) => {
    for (let i = 0; i < length; i++) to[patch + i] = from[image + i] as number
  })
  return patches as tf.Tensor2D
}

/** Images in which every pixel is the sum over all patches that contain it: the transpose of `patchesOf`. */
function overlapSum(patches: tf.Tensor, info: Info, backend: BackendWasm): tf.Tensor {
  const images = newTensor(info.inShape, backend)
  const [from, to] = [values(patches, backend), values(images, backend).fill(0)]
  eachRun(info, (patch, image, length) => {
    for (let i = 0; i < length; i++) to[image + i] = (to[image + i] as number) + (from[patch + i] as number)
  })
  return images
}

/** Calls `run` for the part of each patch row inside the image: its offsets in the patches and the images, and its number of values. */
function eachRun(info: Info, run: (patch: number, image: number, length: number) => void): void {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth, padInfo } = info
  const outPositions = batchSize * outHeight * outWidth
  for (let position = 0; position < outPositions; position++) {
    const image = Math.floor(position / (outHeight * outWidth))
    const top = (Math.floor(position / outWidth) % outHeight) * info.strideHeight - padInfo.top
    const left = (position % outWidth) * info.strideWidth - padInfo.left
    const [first, end] = [Math.max(left, 0), Math.min(left + filterWidth, inWidth)]
    for (let row = Math.max(top, 0); row < Math.min(top + filterHeight, inHeight); row++) {
      const patch = (position * filterHeight + row - top) * filterWidth + first - left
      const pixel = (image * inHeight + row) * inWidth + first
      run(patch * inChannels, pixel * inChannels, (end - first) * inChannels)
    }
  }
}

const newTensor = (shape: number[], backend: BackendWasm): tf.Tensor =>
  tf.engine().makeTensorFromTensorInfo(backend.makeOutput(shape, 'float32'))

/** A view of the backend's memory; invalid once another tensor is created, which may move the values. */
const values = (tensor: tf.Tensor, backend: BackendWasm) => backend.typedArrayFromHeap(tensor) as Float32Array
