/**
 * Where learning a mixture begins: centres among a sample of the images, drawn evenly or by k-means++ (Arthur & Vassilvitskii 2007),
 * every image given to its nearest centre, and the components estimated from that. The best of several starts goes on.
 */
import * as tf from '@tensorflow/tfjs'
import { gatherImages, type Images, imageTensor } from '../../data/images.js'
import { type HostKey, keyAt, permutation, split, uniformValues } from '../../random.js'
import { type MixtureAlgorithm, passOver } from './steps.js'
import { typicalValues } from './typical-values.js'

/** `random` draws centres evenly; `k-means++` far from those that there are, with probability in proportion to the squared distance. */
export const startMethods = ['random', 'k-means++'] as const

export interface StartOptions {
  method: (typeof startMethods)[number]
  key: HostKey
  /** How many starts are tried. */
  restarts: number
  /** How many passes over the sample each start gets, before they are compared. */
  passes: number
}

/** The most images that starts look at. */
const SAMPLE = 10_000

/** Starts the algorithm's mixture; returns each start's objective on the sample, in nats per image. The same key gives the same start. */
export async function startMixture(
  algorithm: MixtureAlgorithm,
  images: Images,
  { method, key, restarts, passes }: StartOptions,
): Promise<number[]> {
  const [sampleKey, startKey] = split(key, 2) as [HostKey, HostKey]
  const chosen = permutation(sampleKey, images.count).subarray(0, SAMPLE)
  const x = tf.tidy(() => algorithm.read(imageTensor(gatherImages(images, chosen)))) // [sample, pixels]
  algorithm.mixture.setOrigin?.(await typicalValues(x))
  const objectives: number[] = []
  let best: Kept | undefined
  for (let i = 0; i < restarts; i++) {
    objectives.push(await startOnce(algorithm, x, method, keyAt(startKey, i), passes))
    if (objectives[i] !== Math.max(...objectives)) continue
    best?.dispose()
    best = keep(algorithm.variables)
  }
  best?.restore()
  best?.dispose()
  x.dispose()
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
    throw new Error(`${mixture.components} components cannot start from ${count} images: give at most so many`)
  const centres =
    method === 'random'
      ? permutation(key, count).subarray(0, mixture.components)
      : await farCentres(x, mixture.components, key)
  const responsibilities = tf.tidy(() => nearest(x, tf.gather(x, tf.tensor1d(centres, 'int32'))))
  let { objective } = await update(await passOver(mixture, x, responsibilities))
  responsibilities.dispose()
  for (let i = 0; i < passes; i++) ({ objective } = await update(await passOver(mixture, x)))
  return objective
}

/** How many centres are proposed at once, at most. */
const PROPOSALS = 64

/**
 * k-means++: the first centre evenly, each other one with probability in proportion to D², the squared distance to the nearest so far.
 * Centres are proposed in blocks by the D² at the block's beginning, and kept with probability D² now / D² then: the same distribution,
 * while distances are one matrix product per block.
 */
async function farCentres(x: tf.Tensor, components: number, key: HostKey): Promise<Int32Array> {
  const lengths = tf.tidy(() => tf.sum(tf.square(x), 1)) // [sample]
  const centres: number[] = []
  let distances: Float32Array = new Float32Array(lengths.size).fill(1)
  for (let block = 0; centres.length < components; block++) {
    const size = Math.min(Math.max(centres.length, 1), PROPOSALS)
    const drawn = uniformValues(keyAt(key, block), 2 * size)
    const before = distances
    const proposed = Int32Array.from(drawn.subarray(0, size), u => drawInProportion(before, u))
    const toProposed = await squaredDistances(x, lengths, proposed)
    proposed.forEach((image, i) => {
      const ratio = (drawn[size + i] as number) * (before[image] as number)
      if (centres.length === components || (distances[image] as number) < ratio) return
      const toCentre = toProposed.subarray(i * lengths.size, (i + 1) * lengths.size)
      distances = centres.length === 0 ? toCentre : distances.map((d, n) => Math.min(d, toCentre[n] as number))
      centres.push(image)
    })
  }
  lengths.dispose()
  return Int32Array.from(centres)
}

/** |x_n - x_c|² of every image n to each chosen image c: [chosen, sample]. */
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

/** The index i with probability weights_i / Σ weights, by u in (0, 1); evenly where all weights are 0. */
function drawInProportion(weights: Float32Array, u: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (total === 0) return Math.floor(u * weights.length)
  let rest = u * total
  const found = weights.findIndex(weight => {
    rest -= weight
    return rest < 0
  })
  return found < 0 ? weights.findLastIndex(weight => weight > 0) : found
}

/** Each image wholly with its nearest centre, and each component with one image's worth of all of them, so that none begins as a point: [K, images]. */
function nearest(x: tf.Tensor, centres: tf.Tensor): tf.Tensor {
  const halfLengths = tf.mul(tf.sum(tf.square(centres), 1, true), 0.5) // [K, 1]
  const closeness = tf.sub(tf.matMul(centres, x, false, true), halfLengths) // [K, images]
  const closest = tf.argMax(closeness, 0) // [images]
  const [components, images] = closeness.shape as [number, number]
  const own = tf.equal(tf.reshape(tf.range(0, components, 1, 'int32'), [-1, 1]), tf.reshape(closest, [1, -1]))
  return tf.add(tf.cast(own, 'float32'), 1 / images)
}

interface Kept {
  restore(): void
  dispose(): void
}

/** The values of variables as they are now. */
function keep(variables: ReadonlyMap<string, tf.Variable>): Kept {
  const copies = [...variables.values()].map(original => ({ original, copy: original.clone() }))
  return {
    restore: () => copies.forEach(({ original, copy }) => void original.assign(copy)),
    dispose: () => copies.forEach(({ copy }) => void copy.dispose()),
  }
}
