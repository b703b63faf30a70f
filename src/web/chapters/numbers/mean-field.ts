/** Mean field q(z) = q(z1) q(z2) of a correlated Gaussian by coordinate ascent (Bishop 2006, section 10.1.2). */

/** q(z1) q(z2): the means and the variances of both factors. */
export interface Factors {
  readonly means: readonly [number, number]
  readonly variances: readonly [number, number]
}

/**
 * The update of factor `i`, 0 or 1, for p = N(0, [[1, ρ], [ρ, 1]]), with the other factor held fixed:
 * m_i = -Λ12 m_j / Λii = ρ m_j, and the variance 1 / Λii = 1 - ρ². It never raises KL(q‖p).
 */
export function update({ means, variances }: Factors, i: 0 | 1, correlation: number): Factors {
  const [mean, variance] = [correlation * means[(1 - i) as 0 | 1], 1 - correlation * correlation]
  return i === 0
    ? { means: [mean, means[1]], variances: [variance, variances[1]] }
    : { means: [means[0], mean], variances: [variances[0], variance] }
}

/** KL(q‖p) in nats. */
export function klFromP({ means: [a, b], variances: [v, w] }: Factors, correlation: number): number {
  const determinant = 1 - correlation * correlation
  const squares = (v + w + a * a - 2 * correlation * a * b + b * b) / determinant
  return (squares - 2 + Math.log(determinant) - Math.log(v * w)) / 2
}

/** KL(p‖q) in nats: the other direction. */
export function klFromQ({ means: [a, b], variances: [v, w] }: Factors, correlation: number): number {
  return ((1 + a * a) / v + (1 + b * b) / w - 2 + Math.log(v * w) - Math.log(1 - correlation * correlation)) / 2
}

/** The factors with the smallest KL(q‖p): half of what they miss is log(1 - ρ²). */
export const bestForQ = (correlation: number): Factors => ({
  means: [0, 0],
  variances: [1 - correlation * correlation, 1 - correlation * correlation],
})

/** The factors with the smallest KL(p‖q): p's own margins. */
export const bestForP: Factors = { means: [0, 0], variances: [1, 1] }
