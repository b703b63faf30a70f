/**
 * Initialisation of mixtures: draw centres from a sample of the images, uniformly or by k-means++ (Arthur & Vassilvitskii 2007), assign
 * every image to its nearest centre, and estimate the components from that. The best of several starts is kept.
 */
import * as tf from '#tfjs'
import { gatherImages, type ImageSet, imageTensor } from '../../data/images.js'
import { type HostKey, keyAt, permutation, split, uniformValues } from '../../random.js'
import { type MixtureAlgorithm, passOver } from './steps.js'

/** `random` draws centres uniformly; `k-means++` with probability proportional to the squared distance to the nearest centre so far. */
export const startMethods = ['random', 'k-means++'] as const

export interface StartOptions {
  method: (typeof startMethods)[number]
  key: HostKey
  /** Number of starts to try. */
  restarts: number
  /** Passes over the sample per start before the starts are compared. */
  passes: number
}

/** Maximum number of images in the sample. */
const SAMPLE = 10_000

/**
 * Initialises the algorithm's mixture; returns each start's objective on the sample, in nats per image. The same key gives the same start.
 * Throws an `Error` if there are fewer images than components.
 *
 * @example
 * const mixture = createBernoulliMixture({ pixels: 4, components: 2 })
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const read = (batch: tf.Tensor) => tf.div(batch, 255)
 * const em = mixtureEm(mixture, { images: images.count, read })
 * const objectives = await startMixture(em, images, { method: 'k-means++', key: streamKey(1, 'start'), restarts: 3, passes: 1 })
 * console.log(objectives.length) // 3
 */
export async function startMixture(
  algorithm: MixtureAlgorithm,
  images: ImageSet,
  { key, ...options }: StartOptions,
): Promise<number[]> {
  const [sampleKey, startKey] = split(key, 2) as [HostKey, HostKey]
  const chosen = permutation(sampleKey, images.count).subarray(0, SAMPLE)
  const x = tf.tidy(() => algorithm.read(imageTensor(gatherImages(images, chosen)))) // [sample, pixels]
  const objectives = await startFromRows(algorithm, x, { key: startKey, ...options })
  x.dispose()
  return objectives
}

/** The same from rows x [rows, pixels] as the mixture models them, all of them. */
export async function startFromRows(
  algorithm: MixtureAlgorithm,
  x: tf.Tensor,
  { method, key, restarts, passes }: StartOptions,
): Promise<number[]> {
  await algorithm.mixture.adapt?.(x)
  const objectives: number[] = []
  let best: SavedValues | undefined
  for (let i = 0; i < restarts; i++) {
    objectives.push(await startOnce(algorithm, x, method, keyAt(key, i), passes))
    if (objectives[i] !== Math.max(...objectives)) continue
    best?.dispose()
    best = saveValues(algorithm.variables)
  }
  best?.restore()
  best?.dispose()
  algorithm.restored()
  return objectives
}

async function startOnce(
  algorithm: MixtureAlgorithm,
  x: tf.Tensor,
  method: StartOptions['method'],
  key: HostKey,
  passes: number,
): Promise<number> {
  const { mixture, update } = algorithm
  const count = x.shape[0] as number
  if (count < mixture.components)
    throw new Error(
      `${mixture.components} components cannot start from ${count} images; use at most ${count} components`,
    )
  const centres =
    method === 'random'
      ? permutation(key, count).subarray(0, mixture.components)
      : await kMeansPlusPlus(x, mixture.components, key)
  const responsibilities = tf.tidy(() => nearest(x, tf.gather(x, tf.tensor1d(centres, 'int32'))))
  let { objective } = await update(await passOver(mixture, x, responsibilities))
  responsibilities.dispose()
  for (let i = 0; i < passes; i++) ({ objective } = await update(await passOver(mixture, x)))
  return objective
}

/** Maximum number of centres that are proposed at once. */
const PROPOSALS = 64

/**
 * k-means++: the first centre is uniform, each further one has probability proportional to D², the squared distance to the nearest so far.
 * Centres are proposed in blocks by the D² at the start of the block and accepted with probability D² now / D² then. This has the same
 * distribution and needs one matrix product per block.
 */
async function kMeansPlusPlus(x: tf.Tensor, components: number, key: HostKey): Promise<Int32Array> {
  const lengths = tf.tidy(() => tf.sum(tf.square(x), 1)) // [sample]
  const centres: number[] = []
  let distances: Float32Array = new Float32Array(lengths.size).fill(1)
  for (let block = 0; centres.length < components; block++) {
    const size = Math.min(Math.max(centres.length, 1), PROPOSALS)
    const drawn = uniformValues(keyAt(key, block), 2 * size)
    const before = distances
    const proposed = Int32Array.from(drawn.subarray(0, size), u => drawIndex(before, u))
    const toProposed = await squaredDistances(x, lengths, proposed)
    proposed.forEach((image, i) => {
      const threshold = (drawn[size + i] as number) * (before[image] as number)
      if (centres.length === components || (distances[image] as number) < threshold) return
      const toCentre = toProposed.subarray(i * lengths.size, (i + 1) * lengths.size)
      distances = centres.length === 0 ? toCentre : distances.map((d, n) => Math.min(d, toCentre[n] as number))
      centres.push(image)
    })
  }
  lengths.dispose()
  return Int32Array.from(centres)
}

/** |x_n - x_c|² between each chosen image c and every image n: [chosen, sample], flattened. */
async function squaredDistances(x: tf.Tensor, lengths: tf.Tensor, chosen: Int32Array): Promise<Float32Array> {
  const squared = tf.tidy(() => {
    const c = tf.gather(x, tf.tensor1d(chosen, 'int32')) // [chosen, pixels]
    const products = tf.matMul(c, x, false, true) // [chosen, sample]
    const sums = tf.add(lengths, tf.sum(tf.square(c), 1, true))
    return tf.relu(tf.sub(sums, tf.mul(products, 2)))
  })
  const values = await squared.data<'float32'>()
  squared.dispose()
  return values
}

/** Draws index i with probability weights_i / Σ weights from uniform noise u in (0, 1); uniformly if all weights are 0. */
function drawIndex(weights: Float32Array, u: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (total === 0) return Math.floor(u * weights.length)
  let rest = u * total
  const found = weights.findIndex(weight => {
    rest -= weight
    return rest < 0
  })
  return found < 0 ? weights.findLastIndex(weight => weight > 0) : found
}

/**
 * Initial responsibilities [K, images]: 1 for the nearest centre, plus 1 / images everywhere, so that no component starts as a single
 * point.
 */
function nearest(x: tf.Tensor, centres: tf.Tensor): tf.Tensor {
  const halfLengths = tf.mul(tf.sum(tf.square(centres), 1, true), 0.5) // [K, 1]
  const closeness = tf.sub(tf.matMul(centres, x, false, true), halfLengths) // [K, images]
  const closest = tf.argMax(closeness, 0) // [images]
  const [components, images] = closeness.shape as [number, number]
  const isClosest = tf.equal(tf.reshape(tf.range(0, components, 1, 'int32'), [-1, 1]), tf.reshape(closest, [1, -1]))
  return tf.add(tf.cast(isClosest, 'float32'), 1 / images)
}

interface SavedValues {
  restore(): void
  dispose(): void
}

function saveValues(variables: ReadonlyMap<string, tf.Variable>): SavedValues {
  const copies = [...variables.values()].map(original => ({ original, copy: original.clone() }))
  return {
    restore: () => copies.forEach(({ original, copy }) => void original.assign(copy)),
    dispose: () => copies.forEach(({ copy }) => void copy.dispose()),
  }
}
