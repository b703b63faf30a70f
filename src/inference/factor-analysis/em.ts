/** Exact EM for factor analysis (Rubin & Thayer 1982) and probabilistic PCA (Tipping & Bishop 1999, appendix B). */

import { Matrix } from 'ml-matrix'
import * as tf from '#tfjs'
import { usedImages, usedMeans } from '../../data/used-images.js'
import {
  exactBound,
  type FactorAnalysis,
  type FactorParameters,
  type noises,
  posteriorMean,
  posteriorOf,
  readParameters,
  setParameters,
} from '../../models/factor-analysis.js'
import { compensatedSums } from '../../numeric/compensated-sums.js'
import { dot, invert } from '../../numeric/linear-algebra.js'
import type { BoundedAlgorithm } from '../algorithm.js'

const LOG_2PI = Math.log(2 * Math.PI)

export interface FactorAnalysisOptions {
  /** Images [batch, pixels] in 0 … 255 -> the features that the model explains, [batch, features]. */
  read(batch: tf.Tensor): tf.Tensor
  noise: (typeof noises)[number]
  /** Lower limit of every noise variance. It may be 0 if no feature is constant. */
  varianceFloor: number
}

/** Sums over images, with x relative to mu. */
export interface FactorStatistics {
  readonly images: number
  /** sum x and sum x^2: [features] each. */
  readonly x: Float64Array
  readonly xx: Float64Array
  /** sum E[z]: [latent]. */
  readonly z: Float64Array
  /** sum x E[z]ᵀ: [features, latent]. */
  readonly xz: Matrix
  /** sum E[z zᵀ]: [latent, latent]. */
  readonly zz: Matrix
}

/** `finishPass` returns the bound after each half step, in nats per image, and the mean noise variance. */
export function exactFactorAnalysis(model: FactorAnalysis, options: FactorAnalysisOptions): BoundedAlgorithm {
  const gathered = gatherStatistics(model)
  const infer = (batch: tf.Tensor) => {
    const x = options.read(batch)
    return { x, mean: posteriorMean(model, x) }
  }
  return {
    variables: new Map([...model.variables, ...gathered.variables]),
    models: new Map(),
    step(batch, _key, { used }) {
      const { x, mean } = infer(batch)
      gathered.add(x, tf.reshape(mean, [1, ...mean.shape]), used)
      return usedMeans(exactBound(model, x, mean), used)
    },
    bound(batch) {
      const { x, mean } = infer(batch)
      return exactBound(model, x, mean)
    },
    async finishPass() {
      const old = await readParameters(model)
      const { covariance, logDetCovariance } = posteriorOf(old)
      const sums = await gathered.take()
      // E[z zᵀ] = m mᵀ + G
      const statistics = { ...sums, zz: Matrix.add(sums.zz, Matrix.mul(covariance, sums.images)) }
      const centred = centre(statistics)
      const theta = setParameters(model, maximize(old, statistics, options))
      const entropy = (model.latentDim * (LOG_2PI + 1) + logDetCovariance) / 2 // of q
      return {
        elboAfterE: expectedLogJoint(old, statistics) + entropy,
        elboAfterM: expectedLogJoint(theta, centred) + entropy,
        noiseVariance: theta.psi.reduce((sum, value) => sum + value, 0) / model.features,
      }
    },
    dispose: gathered.dispose,
  }
}

/** The sums of a pass over the used images of each batch. */
export function gatherStatistics(model: FactorAnalysis) {
  const { features, latentDim } = model
  const sums = compensatedSums({
    images: [],
    x: [features],
    xx: [features],
    z: [latentDim],
    xz: [features, latentDim],
    zz: [latentDim, latentDim],
  })
  return {
    variables: new Map([...sums.variables].map(([name, variable]) => [`statistics/${name}`, variable] as const)),
    /** Adds the first `used` images of x [batch, features]; expectations are means over z [samples, batch, latent]. */
    add: (x: tf.Tensor, z: tf.Tensor, used: number): void => sums.add(batchStatistics(model, x, z, used)),
    dispose: sums.dispose,
    /** Returns the sums and resets them to zero. Throws an `Error` if no image was added. */
    async take(): Promise<FactorStatistics> {
      const { images, x, xx, z, xz, zz } = await sums.take()
      if (!images[0]) throw new Error('factor analysis: finishPass was called before any step')
      return {
        images: images[0],
        x,
        xx,
        z,
        xz: Matrix.from1DArray(features, latentDim, xz),
        zz: Matrix.from1DArray(latentDim, latentDim, zz),
      }
    },
  }
}

function batchStatistics({ mu, latentDim }: FactorAnalysis, x: tf.Tensor, z: tf.Tensor, used: number) {
  const [samples, batch] = z.shape as [number, number]
  const mask = tf.reshape(usedImages(batch, used), [batch, 1])
  const centred = tf.where(mask, tf.sub(x, mu), 0) // [batch, features]
  const draws = tf.where(mask, z, 0) // [samples, batch, latent]
  const mean = tf.mean(draws, 0) // [batch, latent]
  const flat = tf.reshape(draws, [samples * batch, latentDim])
  return {
    images: tf.sum(tf.cast(mask, 'float32')),
    x: tf.sum(centred, 0),
    xx: tf.sum(tf.square(centred), 0),
    z: tf.sum(mean, 0),
    xz: tf.matMul(centred, mean, true),
    zz: tf.div(tf.matMul(flat, flat, true), samples),
  }
}

/** The statistics relative to the mean of the data, which is the maximum-likelihood mu, with E[z] shifted to mean zero. */
export function centre({ images, x, xx, z, xz, zz }: FactorStatistics): FactorStatistics {
  const product = (a: Float64Array, b: Float64Array) => Matrix.columnVector(a).mmul(Matrix.rowVector(b)).div(images)
  return {
    images,
    x: new Float64Array(x.length),
    xx: xx.map((value, i) => value - (x[i] as number) ** 2 / images),
    z: new Float64Array(z.length),
    xz: Matrix.sub(xz, product(x, z)),
    zz: Matrix.sub(zz, product(z, z)),
  }
}

/** The M step: W = (sum x E[z]ᵀ)(sum E[z zᵀ])^-1, psi = diag(sum x xᵀ - W sum E[z] xᵀ) / images, mu the mean of the data. */
export function maximize(
  { mu }: FactorParameters,
  statistics: FactorStatistics,
  { noise, varianceFloor }: Pick<FactorAnalysisOptions, 'noise' | 'varianceFloor'>,
): FactorParameters {
  const { images, xx, xz, zz } = centre(statistics)
  const W = xz.mmul(invert(zz).inverse)
  const residual = xx.map((value, i) => (value - dot(W.getRow(i), xz.getRow(i))) / images)
  const mean = residual.reduce((sum, value) => sum + value, 0) / residual.length
  const psi = residual.map(value => Math.max(noise === 'isotropic' ? mean : value, varianceFloor))
  return { mu: mu.map((value, i) => value + (statistics.x[i] as number) / images), W, psi }
}

/** E_q[log p(x, z | theta)] in nats per image; the statistics must have x relative to theta's mu. */
export function expectedLogJoint({ W, psi }: FactorParameters, { images, xx, xz, zz }: FactorStatistics): number {
  const Wzz = W.mmul(zz)
  let sum = W.columns * LOG_2PI + zz.trace() / images
  for (let i = 0; i < psi.length; i++) {
    // E|x - W z|^2 = xx - 2 W E[z xᵀ] + W E[z zᵀ] Wᵀ
    const squared = (xx[i] as number) + dot(W.getRow(i), Wzz.getRow(i)) - 2 * dot(W.getRow(i), xz.getRow(i))
    const variance = psi[i] as number
    sum += LOG_2PI + Math.log(variance) + squared / images / variance
  }
  return -sum / 2
}
