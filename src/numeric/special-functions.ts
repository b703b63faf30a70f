/** Special functions in double precision: log gamma (Lanczos 1964), digamma (asymptotic series), the multivariate log gamma. */

export const LOG_2PI = Math.log(2 * Math.PI)

const LANCZOS_G = 7
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/** log Γ(x) for x > 0, with an error below 1e-14 max(1, |log Γ(x)|). */
export function logGamma(x: number): number {
  if (!(x > 0)) throw new RangeError(`logGamma: ${x} was given; a positive number was expected`)
  const z = x - 1
  const series = LANCZOS.reduce((sum, coefficient, i) => sum + (i === 0 ? coefficient : coefficient / (z + i)), 0)
  const t = z + LANCZOS_G + 0.5
  return 0.5 * LOG_2PI + (z + 0.5) * Math.log(t) - t + Math.log(series)
}

const SERIES_FROM = 10

/** ψ(x) = d log Γ(x) / dx for x > 0, to 1e-14: ψ(x) = ψ(x + 1) - 1 / x until the asymptotic series holds. */
export function digamma(x: number): number {
  if (!(x > 0)) throw new RangeError(`digamma: ${x} was given; a positive number was expected`)
  let shift = 0
  let y = x
  for (; y < SERIES_FROM; y++) shift -= 1 / y
  const r = 1 / (y * y)
  // log y - 1/2y - Σ B_2n / (2n y^2n)
  const tail = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * (691 / 32760 - r / 12))))))
  return shift + Math.log(y) - 0.5 / y - tail
}

/** log Γ_p(x) = p(p - 1)/4 log π + Σ_j log Γ(x + (1 - j)/2), j = 1 … p, for x > (p - 1)/2: the Wishart distribution's constant. */
export function multivariateLogGamma(p: number, x: number): number {
  let sum = (p * (p - 1) * Math.log(Math.PI)) / 4
  for (let j = 0; j < p; j++) sum += logGamma(x - j / 2)
  return sum
}
