/**
 * Where learning a mixture begins: centres among a sample of the images, drawn evenly or by k-means++ (Arthur & Vassilvitskii 2007),
 * every image given to its nearest centre, and the components estimated from that. The best of several starts goes on.
 */
import * as tf from '@tensorflow/tfjs'
import { type HostKey, keyAt, permutation, split, uniformValues } from '../random.js'
import { type ByteImages, readImages } from './byte-images.js'
import { type MixtureAlgorithm, passOver } from './mixture-steps.js'

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
  images: ByteImages,
  { method, key, restarts, passes }: StartOptions,
): Promise<number[]> {
  const [sampleKey, startKey] = split(key, 2) as [HostKey, HostKey]
  const x = readImages(algorithm.read, images, permutation(sampleKey, images.count).subarray(0, SAMPLE)) // [sample, pixels]
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
      : farCentres(x, mixture.components, key)
  const responsibilities = tf.tidy(() => nearest(x, tf.gather(x, tf.tensor1d(centres, 'int32'))))
  let { objective } = await update(await passOver(mixture, x, responsibilities))
  responsibilities.dispose()
  for (let i = 0; i < passes; i++) ({ objective } = await update(await passOver(mixture, x)))
  return objective
}

/** k-means++: the first centre evenly, each other one with probability in proportion to D², the squared distance to the nearest so far. */
function farCentres(x: tf.Tensor, components: number, key: HostKey): Int32Array {
  const drawn = uniformValues(key, components)
  const lengths = tf.tidy(() => tf.sum(tf.square(x), 1)) // [sample]
  const centres = new Int32Array(components)
  let distances: Float32Array = new Float32Array(lengths.size).fill(1)
  for (let k = 0; k < components; k++) {
    centres[k] = drawInProportion(distances, drawn[k] as number)
    const toCentre = squaredDistances(x, lengths, centres[k] as number)
    distances = k === 0 ? toCentre : distances.map((distance, i) => Math.min(distance, toCentre[i] as number))
  }
  lengths.dispose()
  return centres
}

/** |x_n - x_centre|² of every image: [sample]. */
function squaredDistances(x: tf.Tensor, lengths: tf.Tensor, centre: number): Float32Array {
  return tf.tidy(() => {
    const c = tf.slice(x, [centre, 0], [1, -1]) // [1, pixels]
    const products = tf.reshape(tf.matMul(x, c, false, true), [-1]) // [sample]
    const squared = tf.sub(tf.add(lengths, tf.sum(tf.square(c))), tf.mul(products, 2))
    return Float32Array.from(tf.relu(squared).dataSync())
  })
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
