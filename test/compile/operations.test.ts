// TF.js's operations, many in one compiled step, and their gradients: what they give eagerly, whatever tfjs-node says of their types.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, test } from 'vitest'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { expectSameAsEager, floatBatches, weights } from '../support/steps.js'

const integers = (x: tf.Tensor) => tf.cast(tf.floor(tf.mul(x, 4)), 'int32')
const image = (x: tf.Tensor) => tf.reshape(tf.tile(x, [1, 4]), [1, 4, 4, 6]) as tf.Tensor4D
const grid = <R extends tf.Rank>(...shape: tf.ShapeMap[R]) =>
  tf.reshape<R>(tf.sin(tf.range(0, tf.util.sizeFromShape(shape))), shape)
// No two values alike: of equal ones XLA and TensorFlow's kernel for the gradient of a maximum choose differently.
const volume = (x: tf.Tensor) => tf.reshape(tf.add(tf.tile(x, [4, 1]), grid(16, 6)), [1, 4, 4, 2, 3]) as tf.Tensor5D
const smallImage = (x: tf.Tensor) => tf.reshape(x, [1, 4, 6, 1]) as tf.Tensor4D
const complex = (x: tf.Tensor) => tf.complex(x, tf.square(x))

/** Float32 of x [4, 6]: each is compared, and the gradient of the sum of all. */
const differentiable: Record<string, (x: tf.Tensor2D) => tf.Tensor> = {
  'expandDims, of which the kernel says no types': x => tf.expandDims(x, 1),
  'mean of integers, of which the kernel says the wrong type': x => tf.add(x, tf.mean(integers(x))),
  cumsum: x => tf.cumsum(x, 1, true, true),
  prelu: x => tf.prelu(tf.sub(x, 0.5), grid<tf.Rank.R1>(6)),
  unsortedSegmentSum: x => tf.unsortedSegmentSum(x, tf.tensor1d([0, 2, 0, 1], 'int32'), 3),
  batchToSpaceND: x =>
    tf.batchToSpaceND(
      tf.reshape(x, [4, 1, 1, 6]),
      [2, 2],
      [
        [0, 0],
        [0, 1],
      ],
    ),
  'conv2d, same': x => tf.conv2d(image(x), grid<tf.Rank.R4>(3, 2, 6, 2), 1, 'same'),
  'conv2d of strides': x => tf.conv2d(smallImage(x), grid<tf.Rank.R4>(4, 3, 1, 2), [3, 2], 'same'),
  'conv2d that does not get to the last column': x =>
    tf.conv2d(smallImage(x), grid<tf.Rank.R4>(2, 3, 1, 2), 2, 'valid'),
  'conv2d with a stride that is larger than the filter': x =>
    tf.conv2d(image(x), grid<tf.Rank.R4>(1, 1, 6, 2), 3, 'same'),
  'conv2d with a gradient of its filter': x =>
    tf.conv2d(grid<tf.Rank.R4>(2, 7, 6, 2), tf.reshape(x, [3, 2, 2, 2]) as tf.Tensor4D, [2, 3], 'same'),
  'conv2d, valid, with a gradient of its filter': x =>
    tf.conv2d(grid<tf.Rank.R4>(2, 7, 6, 2), tf.reshape(x, [3, 2, 2, 2]) as tf.Tensor4D, 2, 'valid'),
  'conv2dTranspose of strides': x =>
    tf.conv2dTranspose(smallImage(x), grid<tf.Rank.R4>(3, 3, 2, 1), [1, 8, 18, 2], [2, 3], 'same'),
  'conv2dTranspose, valid, with a gradient of its filter': x =>
    tf.conv2dTranspose(
      grid<tf.Rank.R4>(2, 3, 2, 2),
      tf.reshape(x, [2, 3, 2, 2]) as tf.Tensor4D,
      [2, 6, 5, 2],
      2,
      'valid',
    ),
  depthwiseConv2d: x => tf.depthwiseConv2d(image(x), grid<tf.Rank.R4>(3, 3, 6, 2), 1, 'same'),
  separableConv2d: x =>
    tf.separableConv2d(image(x), grid<tf.Rank.R4>(3, 3, 6, 1), grid<tf.Rank.R4>(1, 1, 6, 4), 1, 'same'),
  conv3d: x => tf.conv3d(volume(x), grid<tf.Rank.R5>(2, 2, 2, 3, 2), 1, 'same'),
  maxPool3d: x => tf.maxPool3d(volume(x), 2, 1, 'same'),
  resizeBilinear: x => tf.image.resizeBilinear(image(x), [7, 5]),
}

/** Of any type. */
const others: Record<string, (x: tf.Tensor2D) => tf.Tensor> = {
  'stridedSlice with masks': x => tf.stridedSlice(tf.reshape(x, [2, 2, 6]), [0, 1], [2, 2], [1, 1], 0, 0, 1, 0, 2),
  gatherND: x => tf.gatherND(x, tf.tensor2d([[3], [0]], [2, 1], 'int32')),
  'expandDims of integers': x => tf.expandDims(integers(x)),
  'expandDims of booleans': x => tf.expandDims(tf.greater(x, 0.5), -1),
  'conjugating product of complex matrices': x => tf.imag(tf.matMul(complex(x), complex(x), true, false)),
  'a complex constant': x => tf.real(tf.mul(complex(x), tf.complex(grid<tf.Rank.R1>(6), grid<tf.Rank.R1>(6)))),
  stft: x => tf.real(tf.signal.stft(tf.reshape(x, [24]) as tf.Tensor1D, 8, 4)),
  cumprod: x => tf.cumprod(x, 1),
  topk: x => tf.topk(x, 3).indices,
  scatterND: x => tf.scatterND(tf.reshape(integers(tf.slice(x, [0, 0], [4, 1])), [4, 1]), x, [4, 6]),
  oneHot: x => tf.oneHot(integers(x), 4),
  bincount: x => tf.bincount(integers(tf.reshape(x, [24])) as tf.Tensor1D, tf.ones([24]), 5),
  'an empty slice': x => tf.slice(x, [0, 0], [0, 6]),
  'an integer beyond float32': x => tf.mod(tf.add(integers(x), tf.scalar(16777217, 'int32')), tf.scalar(7, 'int32')),
}

describe.skipIf(skipped !== '')(`operations and their gradients${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))
  afterEach(() => tf.disposeVariables())

  test.each(['graph', 'xla'] as const)('are the same compiled by %s as eager', async mode => {
    const w = weights([4, 6], 0.01)
    const step = (x: tf.Tensor) => {
      const shifted = () => tf.add(x, w) as tf.Tensor2D
      const sum = () => tf.addN(Object.values(differentiable).map(f => tf.sum(tf.square(f(shifted()))))) as tf.Scalar
      const { grads } = tf.variableGrads(sum, [w])
      const outputs = Object.entries({ ...differentiable, ...others }).map(([name, f]) => [name, f(shifted())])
      return { ...Object.fromEntries(outputs), gradient: grads[w.name] as tf.Tensor }
    }
    await expectSameAsEager(step, floatBatches(2, [4, 6]), [{}, {}], mode)
  })
})
