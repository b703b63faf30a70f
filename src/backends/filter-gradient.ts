/**
 * The gradient of a convolution's filter, which TF.js's WebAssembly backend lacks, from operations that it has: for row r and
 * column c of the kernel and stride s, dW[r, c] = sum over images and positions of x[s i + r, s j + c]^T dy[i, j], all (r, c)
 * as one product of patches.
 */
import * as tf from '@tensorflow/tfjs'

type Attributes = Pick<tf.Conv2DBackpropFilterAttrs, 'strides' | 'pad' | 'dataFormat' | 'dimRoundingMode'> & {
  filterShape: [number, number, number, number]
}

/** Registers the kernel `Conv2DBackpropFilter` for a backend that has none. */
export function registerFilterGradient(backendName: string): void {
  if (tf.getKernel(tf.Conv2DBackpropFilter, backendName)) return
  tf.registerKernel({
    kernelName: tf.Conv2DBackpropFilter,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D }
      return tf.tidy(() => filterGradient(x, dy, attrs as unknown as Attributes))
    },
  })
}

function filterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  { strides, pad, dataFormat, dimRoundingMode, filterShape }: Attributes,
): tf.Tensor {
  if (dataFormat !== 'NHWC') throw new Error(`Conv2DBackpropFilter: data format ${dataFormat}; NHWC was expected`)
  const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode)
  const patches = tf.concat(taps(x, info), 3) // [batch, out rows, out columns, kernel rows * kernel columns * in channels]
  const columns = tf.reshape(patches, [-1, patches.shape[3] as number])
  const gradient = tf.matMul(tf.transpose(columns), tf.reshape(dy, [-1, info.outChannels]))
  return tf.reshape(gradient, filterShape)
}

/**
 * What each element of the kernel sees: [batch, out rows, out columns, in channels], the kernel's columns first. Every s-th row is a
 * slice once rows are [rows / s, s]; `tf.stridedSlice` takes ten times as long.
 */
function taps(x: tf.Tensor4D, info: tf.backend_util.Conv2DInfo): tf.Tensor4D[] {
  const { batchSize, outHeight, outWidth, inChannels, strideHeight, strideWidth } = info
  const rows = wholeStrides(x.shape[1] + info.padInfo.top, outHeight, info.filterHeight, strideHeight)
  const columns = wholeStrides(x.shape[2] + info.padInfo.left, outWidth, info.filterWidth, strideWidth)
  const { top, left } = info.padInfo
  const padded = tf.pad(x, [
    [0, 0],
    [top, rows - top - x.shape[1]],
    [left, columns - left - x.shape[2]],
    [0, 0],
  ])
  const byRow = tf.reshape(padded, [batchSize, rows / strideHeight, strideHeight, columns * inChannels])
  return Array.from({ length: info.filterHeight }, (_, r) => {
    const inRow = tf.slice(byRow, startOf(r, strideHeight), [batchSize, outHeight, 1, columns * inChannels])
    const byColumn = tf.reshape(inRow, [batchSize * outHeight, columns / strideWidth, strideWidth, inChannels])
    return Array.from({ length: info.filterWidth }, (_, c) => {
      const tap = tf.slice(byColumn, startOf(c, strideWidth), [batchSize * outHeight, outWidth, 1, inChannels])
      return tf.reshape(tap, [batchSize, outHeight, outWidth, inChannels]) as tf.Tensor4D
    })
  }).flat()
}

/** A multiple of the stride that holds the padded image and all that the kernel reads. */
const wholeStrides = (size: number, outputs: number, kernel: number, stride: number): number =>
  stride * Math.max(Math.ceil(size / stride), outputs + Math.floor((kernel - 1) / stride))

const startOf = (offset: number, stride: number) => [0, Math.floor(offset / stride), offset % stride, 0]
