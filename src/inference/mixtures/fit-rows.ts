/** A mixture of Gaussians with full covariances, fitted by exact EM to rows of numbers in memory, such as the codes of images. */
import * as tf from '#tfjs'
import { createGaussianMixture, type GaussianMixture } from '../../models/mixtures/gaussian.js'
import { logProb } from '../../models/mixtures/mixture.js'
import { gainLeft } from '../../numeric/gain-left.js'
import { type Estimate, estimateMean } from '../../numeric/means.js'
import type { HostKey } from '../../random.js'
import { mixtureEm } from './em.js'
import { startFromRows } from './starts.js'
import { passOver } from './steps.js'

export interface RowsFit {
  mixture: GaussianMixture
  passes: number
  /** Whether all further passes together would gain less than `TOLERANCE`. */
  converged: boolean
}

/** EM ends where further passes would gain less than this, all together, in nats per row. */
const TOLERANCE = 1e-4

const MOST_PASSES = 200

/** Smallest variance of a direction, in units of x². */
const VARIANCE_FLOOR = 1e-6

/** Rows whose densities are computed at once. */
const PIECE = 1000

/** Fits to rows x [rows, dimensions], from a start by k-means++. Throws an Error if there are fewer rows than components. */
export async function fitRows(
  x: tf.Tensor2D,
  { components, key, onPass }: { components: number; key: HostKey; onPass?: (pass: number) => void },
): Promise<RowsFit> {
  const [rows, pixels] = x.shape
  const mixture = createGaussianMixture({ pixels, components, covariance: 'full' })
  const prior = { concentration: 1, varianceFloor: VARIANCE_FLOOR }
  const em = mixtureEm(mixture, { images: rows, read: batch => batch, prior })
  try {
    const starts = await startFromRows(em, x, { method: 'k-means++', key, restarts: 1, passes: 0 })
    let last = starts[0] as number
    const gains: number[] = []
    while (gains.length < MOST_PASSES && gainLeft(gains) >= TOLERANCE) {
      const { objective } = await em.update(await passOver(mixture, x))
      gains.push(objective - last)
      last = objective
      onPass?.(gains.length)
    }
    return { mixture, passes: gains.length, converged: gainLeft(gains) < TOLERANCE }
  } catch (error) {
    mixture.dispose()
    throw error
  } finally {
    em.dispose()
  }
}

/** Mean log density of rows x [rows, dimensions] in nats, with its standard error. */
export async function meanLogProb(mixture: GaussianMixture, x: tf.Tensor2D): Promise<Estimate> {
  const [rows, dimensions] = x.shape
  const values = new Float32Array(rows)
  for (let from = 0; from < rows; from += PIECE) {
    const size = Math.min(PIECE, rows - from)
    const logs = tf.tidy(() => logProb(mixture, tf.slice(x, [from, 0], [size, dimensions])))
    values.set(await logs.data<'float32'>(), from)
    logs.dispose()
  }
  return estimateMean(values)
}
