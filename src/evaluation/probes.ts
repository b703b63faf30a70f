/**
 * Probes: how well classes can be told from codes by a simple classifier that is fitted on the codes of training images (Alain & Bengio 2016).
 */
import { Matrix } from 'ml-matrix'
import * as tf from '#tfjs'
import { invert } from '../numeric/linear-algebra.js'

/** Codes [rows, width] with the class of each row. */
export interface LabelledCodes {
  codes: Float32Array
  width: number
  /** The class of each row, from 0. */
  classes: Int32Array
}

/** The share of rows that are classified correctly. */
export interface Accuracy {
  mean: number
  /** sqrt(p (1 - p) / n): that of the choice of the measured images. */
  standardError: number
  count: number
}

export interface Probes {
  nearestNeighbours: Accuracy
  linear: Accuracy
  /** Of always guessing the class that is most frequent among the fitted rows. */
  guessing: Accuracy
}

/** Neighbours that vote. */
export const NEIGHBOURS = 5

/**
 * Fits both probes on `train` and measures them on `test`. The columns are scaled to variance 1 for logistic regression, not for distances.
 *
 * @example
 * const train = { codes: Float32Array.of(0, 0.1, 0.2, 5, 5.1, 5.2), width: 1, classes: Int32Array.of(0, 0, 0, 1, 1, 1) }
 * const test = { codes: Float32Array.of(0.3, 4), width: 1, classes: Int32Array.of(0, 1) }
 * console.log((await probe(train, test)).linear) // { mean: 1, standardError: 0, count: 2 }
 */
export async function probe(train: LabelledCodes, test: LabelledCodes): Promise<Probes> {
  const classes = 1 + train.classes.reduce((most, value) => Math.max(most, value), 0)
  const counts = countsOf(train.classes, classes)
  const common = counts.indexOf(Math.max(...counts))
  return {
    nearestNeighbours: accuracyOf(await nearestNeighbours(train, test, classes), test.classes),
    linear: accuracyOf(await logisticRegression(train, test, classes), test.classes),
    guessing: accuracyOf(new Int32Array(test.classes.length).fill(common), test.classes),
  }
}

function accuracyOf(found: ArrayLike<number>, classes: Int32Array): Accuracy {
  const count = classes.length
  const mean = classes.reduce((right, value, i) => right + Number(found[i] === value), 0) / count
  return { mean, standardError: Math.sqrt((mean * (1 - mean)) / count), count }
}

function countsOf(classes: ArrayLike<number>, size: number): number[] {
  const counts = new Array<number>(size).fill(0)
  for (let i = 0; i < classes.length; i++) counts[classes[i] as number] = (counts[classes[i] as number] ?? 0) + 1
  return counts
}

const tensorOf = ({ codes, width }: LabelledCodes): tf.Tensor2D => tf.tensor2d(codes, [codes.length / width, width])

/** Rows whose distances are computed at once. */
const BLOCK = 250

/** The most frequent class among the nearest rows of `train` by Euclidean distance; of equally frequent ones that with the nearest row. */
async function nearestNeighbours(train: LabelledCodes, test: LabelledCodes, classes: number): Promise<Int32Array> {
  const from = tensorOf(train)
  const norms = tf.tidy(() => tf.sum(tf.square(from), 1))
  const k = Math.min(NEIGHBOURS, train.classes.length)
  const rows = test.classes.length
  const found = new Int32Array(rows)
  for (let start = 0; start < rows; start += BLOCK) {
    const indices = tf.tidy(() => {
      const codes = test.codes.subarray(start * test.width, (start + BLOCK) * test.width)
      const products = tf.matMul(tensorOf({ ...test, codes }), from, false, true)
      return tf.topk(tf.sub(tf.mul(products, 2), norms), k).indices // largest -distance^2, but for the norm of the row itself
    })
    const nearest = await indices.data<'int32'>()
    indices.dispose()
    for (let i = 0; i * k < nearest.length; i++) {
      const votes = Array.from(nearest.subarray(i * k, (i + 1) * k), index => train.classes[index] as number)
      const counts = countsOf(votes, classes)
      found[start + i] = votes.find(value => counts[value] === Math.max(...counts)) as number
    }
  }
  tf.dispose([from, norms])
  return found
}

/** Weight of the penalty |W|^2 / 2 in nats per row, which keeps weights finite where classes can be separated. */
const PENALTY = 1e-4

/** Enough for accuracies that change by less than their error; each is two matrix products. */
const ITERATIONS = 300

/**
 * Multinomial logistic regression by Newton steps with a fixed bound on the Hessian, which increase the likelihood monotonically
 * (Böhning 1992): W += 2 (XᵀX / n + 2 PENALTY)^-1 gradient. Returns the most probable class of each row of `test`.
 */
async function logisticRegression(train: LabelledCodes, test: LabelledCodes, classes: number): Promise<Int32Array> {
  const { mean, scale } = scalingOf(train)
  const scaled = (of: LabelledCodes): tf.Tensor2D =>
    tf.tidy(
      () => tf.concat([tf.mul(tf.sub(tensorOf(of), mean), scale), tf.ones([of.classes.length, 1])], 1) as tf.Tensor2D,
    )
  const [x, y] = [
    scaled(train),
    tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(train.classes, 'int32'), classes), 'float32')),
  ]
  const n = train.classes.length
  const gram = tf.tidy(() => tf.div(tf.matMul(x, x, true), n))
  const bound = new Matrix((await gram.array()) as number[][])
  for (let i = 0; i < bound.rows; i++) bound.set(i, i, bound.get(i, i) + 2 * PENALTY)
  const step = tf.tidy(() => tf.mul(tf.tensor2d(invert(bound).inverse.to2DArray()), 2))
  let weights: tf.Tensor = tf.zeros([train.width + 1, classes])
  for (let i = 0; i < ITERATIONS; i++) {
    const next = tf.tidy(() => {
      const residual = tf.sub(y, tf.softmax(tf.matMul(x, weights as tf.Tensor2D)))
      const gradient = tf.sub(tf.div(tf.matMul(x, residual, true), n), tf.mul(weights, PENALTY))
      return tf.add(weights, tf.matMul(step, gradient as tf.Tensor2D))
    })
    weights.dispose()
    weights = next
  }
  const found = tf.tidy(() => tf.argMax(tf.matMul(scaled(test), weights as tf.Tensor2D), 1))
  const result = await found.data<'int32'>()
  tf.dispose([mean, scale, x, y, gram, step, weights, found])
  return Int32Array.from(result)
}

/** Mean, and reciprocal standard deviation of each column; 1 for a column that does not change. */
function scalingOf({ codes, width, classes: { length: rows } }: LabelledCodes): {
  mean: tf.Tensor1D
  scale: tf.Tensor1D
} {
  const [sums, squares] = [new Float64Array(width), new Float64Array(width)]
  const add = (to: Float64Array, i: number, value: number) =>
    to.set([(to[i % width] as number) + value / rows], i % width)
  codes.forEach((value, i) => void add(sums, i, value))
  codes.forEach((value, i) => void add(squares, i, (value - (sums[i % width] as number)) ** 2))
  const scale = Float32Array.from(squares, square => (square > 0 ? 1 / Math.sqrt(square) : 1))
  return { mean: tf.tensor1d(Float32Array.from(sums)), scale: tf.tensor1d(scale) }
}
