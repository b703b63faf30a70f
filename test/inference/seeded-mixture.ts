/** Seeded mixtures of every kind with data drawn from them, and what tests of mixtures share. */
import type * as tf from '@tensorflow/tfjs'
import { createBernoulliMixture } from '../../src/models/mixtures/bernoulli.js'
import { covarianceKinds, createGaussianMixture, setGaussianParameters } from '../../src/models/mixtures/gaussian.js'
import { type Mixture, variable } from '../../src/models/mixtures/mixture.js'
import { type HostKey, split, uniformValues } from '../../src/random.js'
import type { Rows } from './passes.js'

/** These tests' batches are what the mixture sees. */
export const read = (x: tf.Tensor): tf.Tensor => x

/** Images of a reference file. */
export const images = ({ x, pixels }: { x: number[]; pixels: number }): Rows => ({ x: Float32Array.from(x), pixels })

/** Lists of a reference file in double precision. */
export const doubles = <Name extends string>(values: Record<Name, number[]>) =>
  Object.fromEntries(Object.entries<number[]>(values).map(([name, list]) => [name, Float64Array.from(list)])) as Record<
    Name,
    Float64Array
  >

export const values = (mixture: Mixture, name: string) => [...variable(mixture, name).dataSync()]

export const kinds = ['bernoulli', ...covarianceKinds] as const

/** A mixture with seeded parameters, and seeded data that fits it: binary or not. */
export function seeded(kind: (typeof kinds)[number], key: HostKey, pixels: number, components: number, count: number) {
  const [meanKey, weightKey, dataKey, groupKey] = split(key, 4) as [HostKey, HostKey, HostKey, HostKey]
  const raw = uniformValues(weightKey, components)
  const total = raw.reduce((sum, weight) => sum + weight, 0)
  const weights = Float64Array.from(raw, weight => weight / total)
  const means = Float64Array.from(uniformValues(meanKey, components * pixels), mean => 0.05 + 0.9 * mean)
  const group = uniformValues(groupKey, count).map(u => Math.floor(u * components))
  const noise = uniformValues(dataKey, count * pixels)
  const mean = (i: number) => means[(group[Math.floor(i / pixels)] as number) * pixels + (i % pixels)] as number
  if (kind === 'bernoulli') {
    const mixture = createBernoulliMixture({ pixels, components, start: { weights, means } })
    return { mixture, data: { x: noise.map((u, i) => (u < mean(i) ? 1 : 0)), pixels } }
  }
  const mixture = createGaussianMixture({ pixels, components, covariance: kind })
  const covariances = Float64Array.from(values(mixture, 'covariances'), entry => entry / 16)
  setGaussianParameters(mixture, { weights, means, covariances })
  return { mixture, data: { x: noise.map((u, i) => mean(i) + u - 0.5), pixels } }
}
