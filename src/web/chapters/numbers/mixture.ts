/**
 * EM of a mixture of one-dimensional Gaussians in half steps, on the project's own mixture and EM: p(x) = Σ_k w_k N(x; m_k, s_k²)
 * (Bishop 2006, section 9.2.2). All values are in nats per point.
 */
import * as tf from '#tfjs'
import { mixtureEm } from '../../../inference/mixtures/em.js'
import { createGaussianMixture } from '../../../models/mixtures/gaussian.js'
import { posterior, read } from '../../../models/mixtures/mixture.js'
import { type HostKey, normalValues, split, uniformValues } from '../../../random.js'

/** The parameters θ, one entry for each component. */
export interface Theta {
  weights: readonly number[]
  means: readonly number[]
  /** Standard deviations. */
  sds: readonly number[]
}

/** The mixture that `drawPoints` draws from. */
export const truth: Theta = { weights: [0.35, 0.4, 0.25], means: [-2.4, 0.2, 2.6], sds: [0.7, 0.6, 0.8] }

/** `count` points of a mixture: first a component of each, then x. */
export function drawPoints({ weights, means, sds }: Theta, key: HostKey, count: number): Float64Array {
  const [forZ, forX] = split(key, 2) as [HostKey, HostKey]
  const [u, epsilon] = [uniformValues(forZ, count), normalValues(forX, count)]
  return epsilon.map((noise, i) => {
    const k = componentAt(weights, u[i] as number)
    return (means[k] as number) + (sds[k] as number) * noise
  })
}

/** The component that a uniform number falls to. */
export function componentAt(weights: readonly number[], u: number): number {
  let upTo = 0
  const found = weights.findIndex(weight => {
    upTo += weight
    return u < upTo
  })
  return found < 0 ? weights.length - 1 : found
}

/** A start: equal weights, means at random points of the data's range, wide components. */
export function startAt(key: HostKey, components: number): Theta {
  return {
    weights: new Array<number>(components).fill(1 / components),
    means: Array.from(uniformValues(key, components), u => -3.5 + 7 * u).sort((a, b) => a - b),
    sds: new Array<number>(components).fill(1),
  }
}

/** The state after a half step. */
export interface HalfStep {
  kind: 'start' | 'E' | 'M'
  /** log p(x | θ), nats per point. */
  logPx: number
  /** The bound at q and θ, nats per point; undefined before the first E step. */
  elbo: number | undefined
}

export interface LiveMixture {
  theta(): Promise<Theta>
  /** q(z = k) of each point, [components, points]; undefined before the first E step. */
  responsibilities(): Float32Array | undefined
  /** log p(x | θ) in nats per point. */
  logPx(): Promise<number>
  /** Sets q(z) = p(z | x, θ): the gap closes. */
  eStep(): Promise<HalfStep>
  /** Sets θ to the maximum of E_q[log p(x, z | θ)]. Throws an Error if there was no E step since the last M step. */
  mStep(): Promise<HalfStep>
  dispose(): void
}

/** Of the variances, so that no component shrinks onto one point. */
const VARIANCE_FLOOR = 0.01

export function createLiveMixture(points: Float64Array, start: Theta): LiveMixture {
  const components = start.weights.length
  const mixture = createGaussianMixture({
    ...{ pixels: 1, components, covariance: 'diagonal' },
    start: {
      weights: Float64Array.from(start.weights),
      means: Float64Array.from(start.means),
      covariances: Float64Array.from(start.sds, sd => sd * sd),
    },
  })
  const em = mixtureEm(mixture, {
    read: x => tf.clone(x),
    images: points.length,
    prior: { varianceFloor: VARIANCE_FLOOR },
  })
  const x = tf.tensor2d(Float32Array.from(points), [points.length, 1])
  let [q, gathered] = [undefined as Float32Array | undefined, false]
  const logPx = async () => meanOf(tf.tidy(() => posterior(mixture, x).logProb))
  return {
    responsibilities: () => q,
    logPx,
    async theta() {
      const [weights = [], means = [], variances = []] = await Promise.all(
        ['weights', 'means', 'covariances'].map(async name => [...(await read(mixture, name))]),
      )
      return { weights, means, sds: variances.map(Math.sqrt) }
    },
    async eStep() {
      if (!gathered)
        tf.dispose(tf.tidy(() => em.step(x, [0, 0], { learningRate: 0, beta: 1, used: points.length, first: 0 })))
      gathered = true
      q = await valuesOf(tf.tidy(() => posterior(mixture, x).responsibilities))
      const bound = await logPx()
      return { kind: 'E', logPx: bound, elbo: bound }
    },
    async mStep() {
      if (!gathered) throw new Error('M step: there is no new q; an E step comes first')
      gathered = false
      const { elboAfterM } = await em.finishPass()
      return { kind: 'M', logPx: await logPx(), elbo: elboAfterM }
    },
    dispose() {
      em.dispose()
      mixture.dispose()
      x.dispose()
    },
  }
}

async function valuesOf(tensor: tf.Tensor): Promise<Float32Array> {
  const values = (await tensor.data()) as Float32Array
  tensor.dispose()
  return values
}

async function meanOf(tensor: tf.Tensor): Promise<number> {
  const values = await valuesOf(tensor)
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
