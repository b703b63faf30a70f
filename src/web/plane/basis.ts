/** A plane in the latent space: two dimensions, or the first two principal components of the codes. */
import { principalAxes } from '../../numeric/principal-axes.js'
import type { Codes } from '../model/codes.js'

export interface Basis {
  /** Names of both axes. */
  names: readonly [string, string]
  /** z at a point of the plane: [latent]. */
  at(a: number, b: number): number[]
  /** The codes in the plane: [count, 2]. */
  points: Float32Array
}

/** Two dimensions of z; all others are 0, the mean of the prior. */
export function dimensionBasis({ mean, width, count }: Codes, first: number, second: number): Basis {
  const points = new Float32Array(2 * count)
  for (let i = 0; i < count; i++)
    points.set([mean[i * width + first] as number, mean[i * width + second] as number], 2 * i)
  return {
    names: [`z ${first}`, `z ${second}`],
    at: (a, b) => Array.from({ length: width }, (_, j) => (j === first ? a : j === second ? b : 0)),
    points,
  }
}

/** The first two principal components of the codes; all others are 0. */
export function principalBasis({ mean, width }: Codes): Basis {
  const { points, components, mean: centre, shares } = principalAxes(mean, width, 2)
  const [first = 0, second = 0] = shares.map(share => Math.round(100 * share))
  return {
    names: [`first principal component (${first} % of the variance)`, `second principal component (${second} %)`],
    at: (a, b) =>
      Array.from(centre, (m, j) => m + a * (components[j] as number) + b * (components[width + j] as number)),
    points: Float32Array.from(points),
  }
}
