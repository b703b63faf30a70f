/** Exact EM for factor analysis (Rubin & Thayer 1982) and probabilistic PCA (Tipping & Bishop 1999, appendix B). */

import { Matrix } from 'ml-matrix'
import * as tf from '#tfjs'
import { usedImages, usedMeans } from '../../data/used-images.js'
import {
  boundAt,
  type Inferred,
  infer,
  type Projected,
  project,
  refine,
} from '../../models/factor-analysis/densities.js'
import {
  type FactorAnalysis,
  type FactorParameters,
  type noises,
  posteriorOf,
  readParameters,
  setParameters,
} from '../../models/factor-analysis/model.js'
import { compensatedSums } from '../../numeric/compensated-sums.js'
import { dot, invert } from '../../numeric/linear-algebra.js'
import { LOG_2PI } from '../../numeric/special-functions.js'
import type { BoundedAlgorithm } from '../algorithm.js'

export interface FactorAnalysisOptions {
  /** Images [batch, pixels] in 0 … 255 -> the features that the model explains, [batch, features]. */
  read(batch: tf.Tensor): tf.Tensor
  noise: (typeof noises)[number]
  /** Lower limit of every noise variance. It may be 0 if no feature is constant. */
  varianceFloor: number
}

/** Expected sums over images of z and of the residual e = x - mu - W z. */
export interface FactorStatistics {
  readonly images: number
  /** sum E[e] and sum E[e^2]: [features] each. */
  readonly e: Float64Array
  readonly ee: Float64Array
  /** sum E[z]: [latent]. */
  readonly z: Float64Array
  /** sum E[e zᵀ]: [features, latent]. */
  readonly ez: Matrix
  /** sum E[z zᵀ]: [latent, latent]. */
  readonly zz: Matrix
}

/**
 * `finishPass` returns the bound after each half step, in nats per image, and the mean noise variance.
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * initializeFactorAnalysis(model, streamKey(1, 'start'), {
 *   mean: [0.5, 1, 0.5, 0],
 *   variance: [0.2, 0.1, 0.2, 0.1],
 *   noise: 'diagonal',
 *   varianceFloor: 1e-3,
 * })
 * const em = exactFactorAnalysis(model, { read: batch => tf.div(batch, 255), noise: 'diagonal', varianceFloor: 1e-3 })
 * const schedule = { learningRate: 0.01, beta: 1, used: 2, first: 0 }
 * const batch = tf.tensor2d([[0, 255, 255, 0], [255, 255, 0, 0]]) // levels 0 … 255
 * tf.tidy(() => em.step(batch, [0, 0], schedule)) // the E step of a batch
 * const { elboAfterE = 0, elboAfterM = 0 } = (await em.finishPass?.()) ?? {}
 * console.log(elboAfterM >= elboAfterE) // true
 */
export function exactFactorAnalysis(model: FactorAnalysis, options: FactorAnalysisOptions): BoundedAlgorithm {
  const gathered = gatherStatistics(model)
  return {
    variables: new Map([...model.variables, ...gathered.variables]),
    models: new Map(),
    parts: { sums: [gathered.sums] },
    step(batch, _key, { used }) {
      const projected = project(model, options.read(batch))
      if (!model.isRefined) {
        gathered.add(sumsAt(model, projected, used))
        return usedMeans(boundAt(model, projected), used)
      }
      const inferred = refine(model, projected)
      gathered.add(refinedSums(model, inferred, used))
      return usedMeans(boundAt(model, inferred), used)
    },
    bound: batch => boundAt(model, infer(model, options.read(batch))),
    form: () => (model.isRefined ? 'refined' : ''),
    async finishPass() {
      const old = await readParameters(model)
      const { covariance, logDetCovariance } = posteriorOf(old)
      const { sums } = await gathered.take()
      const statistics = addSpread(sums, old, Matrix.mul(covariance, sums.images))
      const theta = setParameters(model, maximize(old, statistics, options))
      const entropy = (model.latentDim * (LOG_2PI + 1) + logDetCovariance) / 2 // of q
      return {
        elboAfterE: expectedLogJoint(old, statistics) + entropy,
        elboAfterM: expectedLogJoint(theta, moveTo(theta, old, statistics)) + entropy,
        noiseVariance: theta.psi.reduce((sum, value) => sum + value, 0) / model.features,
      }
    },
    dispose: gathered.dispose,
  }
}

/**
 * The sums of a pass over the used images of each batch. They are of residuals, which float32 subtracts image by image: of sums of x², too little
 * would be left where W z explains x well, as it does for repeated images.
 */
export function gatherStatistics(model: FactorAnalysis) {
  const { features, latentDim } = model
  const square = [latentDim, latentDim]
  const sums = compensatedSums({
    images: [],
    e: [features],
    ee: [features],
    z: [latentDim],
    ez: [features, latentDim],
    zz: square,
    spread: square,
  })
  return {
    sums,
    variables: new Map([...sums.variables].map(([name, variable]) => [`statistics/${name}`, variable] as const)),
    /** Adds the sums of a batch, by `sumsAt`, `refinedSums` or `sampledSums`. */
    add: sums.add,
    dispose: sums.dispose,
    /**
     * Returns the sums at the mean of each image's draws, and the sum of the draws' covariances, [latent, latent]; resets both to zero. Throws an
     * `Error` if no image was added.
     */
    async take(): Promise<{ sums: FactorStatistics; spread: Matrix }> {
      const { images, e, ee, z, ez, zz, spread } = await sums.take()
      if (!images[0]) throw new Error('factor analysis: finishPass was called before any step')
      return {
        sums: {
          images: images[0],
          e,
          ee,
          z,
          ez: Matrix.from1DArray(features, latentDim, ez),
          zz: Matrix.from1DArray(latentDim, latentDim, zz),
        },
        spread: Matrix.from1DArray(latentDim, latentDim, spread),
      }
    },
  }
}

/** Sums over the images of a batch for which mask [batch, 1] is true, of residuals [batch, features] and of z [batch, n]. */
function maskedSums(mask: tf.Tensor, residual: tf.Tensor, z: tf.Tensor) {
  const own = tf.where(mask, residual, 0)
  const used = tf.where(mask, z, 0)
  return {
    images: tf.sum(tf.cast(mask, 'float32')),
    e: tf.sum(own, 0),
    ee: tf.sum(tf.square(own), 0),
    z: tf.sum(used, 0),
    ez: tf.matMul(residual, used, true), // z is 0 where the mask is false
    zz: tf.matMul(used, used, true),
  }
}

/** Whether an image is among the first `used`: bool [batch, 1]. */
const maskOf = ({ start }: Projected, used: number): tf.Tensor =>
  tf.reshape(usedImages(start.shape[0] as number, used), [-1, 1])

/** The sums of a batch at `start`, of its first `used` images. */
function sumsAt({ latentDim }: FactorAnalysis, at: Projected, used: number) {
  return { ...maskedSums(maskOf(at, used), at.residual, at.start), spread: tf.zeros([latentDim, latentDim]) }
}

/**
 * The same at the means of p(z | x). Their residuals are those at `start` less V u, with G = R Rᵀ, V = W R and R u the step from `start`: so e, ee and
 * ez follow from products with V, and no other matrix of [batch, features] is made. Products of W and the step itself would lose digits where factors
 * are nearly the same: large entries of both cancel.
 */
function refinedSums({ W, posteriorRoot, latentDim }: FactorAnalysis, at: Inferred, used: number) {
  const { images, e, ee, ...both } = maskedSums(maskOf(at, used), at.residual, tf.concat([at.mean, at.scaled], 1))
  const [z, moved] = tf.split(both.z, 2) as [tf.Tensor, tf.Tensor]
  const [ez, eMoved] = tf.split(both.ez, 2, 1) as [tf.Tensor, tf.Tensor]
  const [ofZ, ofMoved] = tf.split(both.zz, 2, 0) as [tf.Tensor, tf.Tensor]
  const [zz] = tf.split(ofZ, 2, 1) as [tf.Tensor]
  const [movedZ, movedMoved] = tf.split(ofMoved, 2, 1) as [tf.Tensor, tf.Tensor]
  const V = tf.matMul(W as tf.Tensor, posteriorRoot as tf.Tensor)
  return {
    images,
    e: tf.sub(e, tf.sum(tf.mul(V, moved), 1)),
    ee: tf.add(ee, tf.sum(tf.mul(V, tf.sub(tf.matMul(V, movedMoved), tf.mul(eMoved, 2))), 1)),
    z,
    ez: tf.sub(ez, tf.matMul(V, movedZ)),
    zz,
    spread: tf.zeros([latentDim, latentDim]),
  }
}

/** The sums of a batch x [batch, features], of its first `used` images, at the means of draws of z [samples, batch, latent]. */
export function sampledSums({ mu, W, latentDim }: FactorAnalysis, x: tf.Tensor, z: tf.Tensor, used: number) {
  const [samples, batch] = z.shape as [number, number]
  const mask = tf.reshape(usedImages(batch, used), [batch, 1])
  const draws = tf.where(mask, z, 0)
  const mean = tf.mean(draws, 0) // [batch, latent]
  const away = tf.reshape(tf.sub(draws, mean), [samples * batch, latentDim])
  return {
    ...maskedSums(mask, tf.sub(tf.sub(x, mu), tf.matMul(mean, W, false, true)), mean),
    spread: tf.div(tf.matMul(away, away, true), samples),
  }
}

/** The expectations, from sums at the mean of z and the sum S of the covariances of z: of e they are W S Wᵀ, of e with z -W S. */
export function addSpread(sums: FactorStatistics, { W }: FactorParameters, spread: Matrix): FactorStatistics {
  const scaled = W.mmul(spread)
  return {
    ...sums,
    ee: sums.ee.map((value, i) => value + dot(scaled.getRow(i), W.getRow(i))),
    ez: Matrix.sub(sums.ez, scaled),
    zz: Matrix.add(sums.zz, spread),
  }
}

/** The statistics with mu at its maximum, the mean of the data, and with E[z] shifted to mean zero. */
function centre({ images, e, ee, z, ez, zz }: FactorStatistics): FactorStatistics {
  const product = (a: Float64Array, b: Float64Array) => Matrix.columnVector(a).mmul(Matrix.rowVector(b)).div(images)
  return {
    images,
    e: new Float64Array(e.length),
    ee: ee.map((value, i) => value - (e[i] as number) ** 2 / images),
    z: new Float64Array(z.length),
    ez: Matrix.sub(ez, product(e, z)),
    zz: Matrix.sub(zz, product(z, z)),
  }
}

/** The centred statistics with the residuals of `after`, given those of `before`. */
export function moveTo(after: FactorParameters, before: FactorParameters, given: FactorStatistics): FactorStatistics {
  const { ee, ez, zz, ...rest } = centre(given)
  const change = Matrix.sub(after.W, before.W)
  const scaled = change.mmul(zz)
  return {
    ...rest,
    ee: ee.map((value, i) => value + dot(change.getRow(i), scaled.getRow(i)) - 2 * dot(change.getRow(i), ez.getRow(i))),
    ez: Matrix.sub(ez, scaled),
    zz,
  }
}

/**
 * The M step: W grows by the regression of the residuals on z, (sum e E[z]ᵀ)(sum E[z zᵀ])^-1; psi is the mean square of what remains, and mu the mean
 * of the data, mean(e) + W mean(z) from the old one.
 */
export function maximize(
  before: FactorParameters,
  statistics: FactorStatistics,
  { noise, varianceFloor }: Pick<FactorAnalysisOptions, 'noise' | 'varianceFloor'>,
): FactorParameters {
  const { images, ez, zz } = centre(statistics)
  const W = Matrix.add(before.W, ez.mmul(invert(zz).inverse))
  const moved = moveTo({ ...before, W }, before, statistics)
  const residual = moved.ee.map(value => Math.max(value, 0) / images)
  const mean = residual.reduce((sum, value) => sum + value, 0) / residual.length
  const psi = residual.map(value => Math.max(noise === 'isotropic' ? mean : value, varianceFloor))
  const mu = before.mu.map(
    (value, i) => value + ((statistics.e[i] as number) + dot(before.W.getRow(i), statistics.z)) / images,
  )
  return { mu, W, psi }
}

/** E_q[log p(x, z | theta)] in nats per image; the statistics must have the residuals of theta. */
export function expectedLogJoint({ W, psi }: FactorParameters, { images, ee, zz }: FactorStatistics): number {
  let sum = W.columns * LOG_2PI + zz.trace() / images
  for (let i = 0; i < psi.length; i++) {
    const variance = psi[i] as number
    sum += LOG_2PI + Math.log(variance) + (ee[i] as number) / images / variance
  }
  return -sum / 2
}
