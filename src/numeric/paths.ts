/** Paths between two points of a vector space. */

/** Straight lines, or arcs along which the norm changes evenly. */
export const pathNames = ['straight', 'spherical'] as const

export type PathName = (typeof pathNames)[number]

/** The point of a path at `t` from 0 (`from`) to 1 (`to`). */
export type PathPoint = (from: readonly number[], to: readonly number[], t: number) => number[]

/** Below this sine of the angle between two points an arc between them is a straight line, or is not determined. */
const SMALLEST_SINE = 1e-6

export const paths: Readonly<Record<PathName, PathPoint>> = {
  straight: (from, to, t) => from.map((start, d) => start + t * ((to[d] as number) - start)),
  /**
   * Spherical interpolation (Shoemake 1985; of codes, White 2016, arXiv 1609.04468): draws of N(0, I) in many dimensions lie near a sphere, and
   * straight lines leave it. Straight where the points have one direction, opposite ones, or none.
   */
  spherical(from, to, t) {
    const angle = Math.acos(Math.max(-1, Math.min(1, dot(from, to) / Math.sqrt(dot(from, from) * dot(to, to)))))
    const sine = Math.sin(angle)
    if (!(sine > SMALLEST_SINE)) return paths.straight(from, to, t)
    const [a, b] = [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine]
    return from.map((start, d) => a * start + b * (to[d] as number))
  },
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
