/** How much each dimension of z is used: its KL term where there is one, and whether its mean changes from image to image. */

/** Var_x(E_q[z_j]) above which a dimension is active. */
export const ACTIVE_VARIANCE = 0.01

/** One dimension of z over a set of images. */
export interface Dimension {
  /** Its number, from 0. */
  dimension: number
  /** Mean KL(q(z_j|x) || p(z_j)) in nats; NaN if there is no such term. */
  kl: number
  /** Var_x(E_q[z_j]); NaN for a single image. */
  variance: number
  /** Whether the variance is above 0.01 (Burda et al. 2015, section 5.2). */
  isActive: boolean
}

/** Sums over blocks of codes, in double precision. */
export interface DimensionSums {
  /** Adds rows of means and KL terms, [rows, latent] each; without KL terms if the model has none of single dimensions. */
  add(mean: Float32Array, kl?: Float32Array): void
  /** All dimensions, the largest KL first; without KL terms, the largest variance first. */
  result(): Dimension[]
}

/** Sums for `latentDim` dimensions; variances by Welford (1962). */
export function dimensionSums(latentDim: number): DimensionSums {
  const [kls, means, squares] = [0, 1, 2].map(() => new Float64Array(latentDim)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  let rows = 0
  return {
    add(mean, kl) {
      for (let i = 0; i * latentDim < mean.length; i++) {
        rows++
        for (let j = 0; j < latentDim; j++) {
          const [value, before] = [mean[i * latentDim + j] as number, means[j] as number]
          kls[j] = (kls[j] as number) + (kl?.[i * latentDim + j] ?? Number.NaN)
          means[j] = before + (value - before) / rows
          squares[j] = (squares[j] as number) + (value - before) * (value - (means[j] as number))
        }
      }
    },
    result() {
      const all = Array.from(kls, (sum, dimension): Dimension => {
        const variance = (squares[dimension] as number) / (rows - 1)
        return { dimension, kl: sum / rows, variance, isActive: variance > ACTIVE_VARIANCE }
      })
      const use = ({ kl, variance }: Dimension) => (Number.isNaN(kl) ? variance : kl)
      return all.sort((a, b) => use(b) - use(a))
    },
  }
}
