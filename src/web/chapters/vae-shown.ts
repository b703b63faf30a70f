/** What the figures show of the VAE that trains in the page. */
import type { LiveBound, LiveVae } from './numbers/live-vae.js'

/** Values of z along each axis of the decoded grid. */
export const GRID: readonly number[] = Array.from({ length: 13 }, (_, i) => -2.4 + 0.4 * i)

/** Images of the row of reconstructions, and of draws from the prior. */
export const [SHOWN_IMAGES, SHOWN_SAMPLES] = [8, 8]

/** All that the figures show. */
export interface VaeShown {
  model: LiveVae
  history: readonly LiveBound[]
  /** Mean and standard deviation of q(z|x) of each image: [count, 2]. */
  codes: { means: Float32Array; sds: Float32Array }
  /** The mean images at all pairs of `GRID`, z₂ from high to low and z₁ from low to high within: [169, pixels]. */
  grid: Float32Array
  /** The mean images at the means of q of all images: [count, pixels]. */
  reconstructions: Float32Array
  samples: Float32Array
  /** The z that is decoded, and its mean image. */
  point: readonly [number, number]
  decoded: Float32Array
}

const gridOfZ = GRID.toReversed().flatMap(z2 => GRID.flatMap(z1 => [z1, z2]))

/** Everything that is shown of a model. */
export async function look(
  model: LiveVae,
  before: readonly LiveBound[],
  point: readonly [number, number],
): Promise<VaeShown> {
  const codes = await model.codes()
  return {
    ...{ model, codes, point },
    history: [...before, await model.bound()],
    grid: await model.decoded(gridOfZ),
    reconstructions: await model.decoded(codes.means),
    samples: await model.samples(model.data === 'moons' ? 200 : SHOWN_SAMPLES),
    decoded: await model.decoded(point),
  }
}
