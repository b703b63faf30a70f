/** Polynomials in one variable, and their exact means under a Gaussian: what makes the bounds of these chapters closed forms. */

/** Coefficients from the constant upwards: [a0, a1, a2] is a0 + a1 z + a2 z². */
export type Polynomial = readonly number[]

/** N(mean, sd²) in one dimension. */
export interface Gaussian {
  readonly mean: number
  /** Standard deviation, above 0. */
  readonly sd: number
}

/** The value at `z`. */
export const valueAt = (polynomial: Polynomial, z: number): number =>
  polynomial.reduceRight((sum, coefficient) => sum * z + coefficient, 0)

/** The derivative in z. */
export const derivative = (polynomial: Polynomial): Polynomial =>
  polynomial.slice(1).map((coefficient, i) => coefficient * (i + 1))

/** The product of two polynomials, neither of them empty. */
export function product(a: Polynomial, b: Polynomial): Polynomial {
  const result = new Array<number>(a.length + b.length - 1).fill(0)
  a.forEach((left, i) => {
    b.forEach((right, j) => {
      result[i + j] = (result[i + j] as number) + left * right
    })
  })
  return result
}

/** The sum of polynomials. */
export const plus = (...terms: Polynomial[]): Polynomial =>
  Array.from({ length: Math.max(...terms.map(({ length }) => length)) }, (_, power) =>
    terms.reduce((sum, term) => sum + (term[power] ?? 0), 0),
  )

/** Every coefficient times `factor`. */
export const scaled = (polynomial: Polynomial, factor: number): Polynomial => polynomial.map(c => c * factor)

/** The polynomial in ε that `polynomial` is at z = mean + sd ε. */
export function inNoise(polynomial: Polynomial, { mean, sd }: Gaussian): Polynomial {
  return polynomial.reduceRight<Polynomial>((sum, coefficient) => plus(product(sum, [mean, sd]), [coefficient]), [0])
}

/** E[p(ε)] for ε ~ N(0, 1): E[ε^k] is (k - 1)!! for even k, and 0 for odd k. */
export function standardMean(polynomial: Polynomial): number {
  let [moment, sum] = [1, 0]
  polynomial.forEach((coefficient, power) => {
    if (power % 2 === 1) return
    if (power > 0) moment *= power - 1
    sum += coefficient * moment
  })
  return sum
}

/** E[p(z)] for z ~ N(mean, sd²). */
export const meanUnder = (polynomial: Polynomial, gaussian: Gaussian): number =>
  standardMean(inNoise(polynomial, gaussian))
