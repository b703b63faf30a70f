/** Draws from a mixture of Gaussians with full covariances, in double precision on the host. */
import { cholesky, row, square } from '../../numeric/linear-algebra.js'
import { type HostKey, normal, split, uniformValues } from '../../random.js'
import type { GaussianMixture } from './gaussian.js'
import { read } from './mixture.js'

/** `count` independent draws x = m_k + L_k ε of a component k ~ w, Σ_k = L_k L_kᵀ: rows of `pixels` numbers. */
export async function drawGaussians(mixture: GaussianMixture, key: HostKey, count: number): Promise<number[][]> {
  const { pixels, components } = mixture
  const [componentKey, noiseKey] = split(key, 2) as [HostKey, HostKey]
  const [weights, means, covariances] = await Promise.all([
    read(mixture, 'weights'),
    read(mixture, 'means'),
    read(mixture, 'covariances'),
  ])
  const noises = normal(noiseKey, [count, pixels])
  const noise = Float64Array.from(await noises.data<'float32'>())
  noises.dispose()
  const factors = Array.from({ length: components }, (_, k) => cholesky(square(covariances, k, pixels)))
  return Array.from(uniformValues(componentKey, count), (u, i) => {
    const k = chosen(weights, u)
    const epsilon = row(noise, i, pixels)
    return Array.from(row(means, k, pixels), (mean, j) => {
      let value = mean
      for (let l = 0; l <= j; l++) value += (factors[k]?.get(j, l) as number) * (epsilon[l] as number)
      return value
    })
  })
}

/** The component whose share of (0, 1), in order, holds u. */
function chosen(weights: Float64Array, u: number): number {
  let upTo = 0
  const found = weights.findIndex(weight => {
    upTo += weight
    return u < upTo
  })
  return found < 0 ? weights.findLastIndex(weight => weight > 0) : found
}
