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

/** What each element of the kernel sees: [batch, out rows, out columns, in channels], the kernel's columns first. */
function taps(x: tf.Tensor4D, info: tf.backend_util.Conv2DInfo): tf.Tensor4D[] {
  const { top, bottom, left, right } = info.padInfo
  const padded = tf.pad(x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ])
  const size = [info.batchSize, info.outHeight, info.outWidth, info.inChannels]
  const strides = [1, info.strideHeight, info.strideWidth, 1]
  return Array.from({ length: info.filterHeight * info.filterWidth }, (_, i) => {
    const begin = [0, Math.floor(i / info.filterWidth), i % info.filterWidth, 0]
    const end = begin.map((from, axis) => from + ((size[axis] as number) - 1) * (strides[axis] as number) + 1)
    return tf.stridedSlice(padded, begin, end, strides) as tf.Tensor4D
  })
}
