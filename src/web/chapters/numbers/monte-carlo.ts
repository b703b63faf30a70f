/**
 * The Monte Carlo E step (Wei & Tanner 1990): E_q[log p(x, z | θ)] of a mixture's points from draws of z ~ q = p(z | x, θ), beside its exact
 * value, which is a sum over components. All values are in nats per point.
 */
import { type Estimate, estimateMean } from '../../../numeric/means.js'
import { LOG_2PI } from '../../../numeric/special-functions.js'
import { type HostKey, keyAt, uniformValues } from '../../../random.js'
import { componentAt, type Theta } from './mixture.js'

/** What a draw needs: for each point log p(x, k | θ) and q(k) of every component. */
export interface Hidden {
  logJoint: readonly (readonly number[])[]
  q: readonly (readonly number[])[]
}

/** log p(x, k | θ) in nats and q(k) = p(k | x, θ) of each point. */
export function hiddenOf(points: ArrayLike<number>, { weights, means, sds }: Theta): Hidden {
  const logJoint = Array.from(points, x =>
    weights.map((weight, k) => {
      const sd = sds[k] as number
      return Math.log(weight) - LOG_2PI / 2 - Math.log(sd) - ((x - (means[k] as number)) / sd) ** 2 / 2
    }),
  )
  return { logJoint, q: logJoint.map(normalised) }
}

function normalised(logs: readonly number[]): number[] {
  const largest = Math.max(...logs)
  const shares = logs.map(log => Math.exp(log - largest))
  const total = shares.reduce((sum, share) => sum + share, 0)
  return shares.map(share => share / total)
}

/** The exact mean of a draw, and the standard deviation of one draw around it. */
export function exactMoments({ logJoint, q }: Hidden): { mean: number; sd: number } {
  let [mean, variance] = [0, 0]
  logJoint.forEach((logs, n) => {
    const weights = q[n] as readonly number[]
    const pointMean = logs.reduce((sum, log, k) => sum + (weights[k] as number) * log, 0)
    mean += pointMean
    variance += logs.reduce((sum, log, k) => sum + (weights[k] as number) * (log - pointMean) ** 2, 0)
  })
  return { mean: mean / q.length, sd: Math.sqrt(variance) / q.length }
}

/** Draw number `index`: one z for each point, and the mean of log p(x, z | θ) over the points. */
export function drawOnce({ logJoint, q }: Hidden, key: HostKey, index: number): number {
  const u = uniformValues(keyAt(key, index), q.length)
  return (
    logJoint.reduce((sum, logs, n) => sum + (logs[componentAt(q[n] as number[], u[n] as number)] as number), 0) /
    q.length
  )
}

/** Draws `from` … `to - 1`. */
export const drawMany = (hidden: Hidden, key: HostKey, from: number, to: number): Float64Array =>
  Float64Array.from({ length: to - from }, (_, i) => drawOnce(hidden, key, from + i))

/** The estimates from the first n draws, for about `perDecade` values of n in every power of ten, the last of them all draws. */
export function runningEstimates(draws: ArrayLike<number>, perDecade: number): Estimate[] {
  const counts = new Set<number>()
  for (let power = 0; 10 ** (power / perDecade) < draws.length; power++)
    counts.add(Math.round(10 ** (power / perDecade)))
  if (draws.length > 0) counts.add(draws.length)
  const all = Array.from(draws)
  return [...counts].map(count => estimateMean(all.slice(0, count)))
}

/** The root mean square error of an estimate from n draws, over as many disjoint groups of n as there are, with its relative error. */
export function errorsBySize(draws: ArrayLike<number>, exact: number, sizes: readonly number[]) {
  const upTo = [0]
  for (let i = 0; i < draws.length; i++) upTo.push((upTo[i] as number) + (draws[i] as number))
  return sizes
    .map(size => {
      const groups = Math.floor(draws.length / size)
      const squares = Array.from(
        { length: groups },
        (_, g) => (((upTo[(g + 1) * size] as number) - (upTo[g * size] as number)) / size - exact) ** 2,
      )
      return { size, groups, error: Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / groups) }
    })
    .filter(({ groups }) => groups >= 10)
}
