/** How much of z a trained model uses: its active units (Burda et al. 2015). */
import type { Dataset } from '../../data/dataset.js'
import { firstImages } from '../../data/images.js'
import { encodeImages } from '../../evaluation/codes.js'
import { describeCollapse } from '../../evaluation/collapse.js'
import { dimensionSums } from '../../evaluation/dimensions.js'
import type { Learner, Method, RunConfig } from '../../methods/method.js'
import { imagesAsRead } from '../../methods/reading.js'
import { streamKey } from '../../random.js'

/** Images that it is measured on: enough to tell variances from 0.01. */
const MOST = 1000

export interface LatentUse {
  activeUnits: number
  latentDim: number
  /** Images that were encoded. */
  images: number
}

/** Encodes the first validation images, or training images if there are none. Undefined if the codes have no dimensions of their own. */
export async function measureUse(
  { codes }: Learner,
  data: Dataset,
  { method, config }: { method: Method; config: RunConfig },
): Promise<LatentUse | undefined> {
  const split = data.validation.count > 1 ? data.validation : data.train
  if (codes?.widths.kl === undefined || split.count < 2) return undefined
  const key = streamKey(config.seed, split.name)
  const images = firstImages(imagesAsRead(split, method.traits(config).reads, key), MOST)
  const sums = dimensionSums(codes.widths.kl)
  // Uncompiled: compiling takes longer than these images. The key is that of the ELBO, which is not used.
  const options = { mode: 'off', samples: 1, key } as const
  await encodeImages(codes, images, options, ({ mean, kl }) => {
    if (mean && kl) sums.add(mean, kl)
  })
  const all = sums.result()
  return { activeUnits: all.filter(one => one.isActive).length, latentDim: all.length, images: images.count }
}

export const describeUse = ({ activeUnits, latentDim, images }: LatentUse): string =>
  `active units: ${activeUnits} of ${latentDim} latent dimensions say something about the image (${images} images)`

/** A line that warns if no unit is active, unless the KL term has said so already. */
export const warnOfUse = ({ activeUnits }: LatentUse, kl: number | undefined): string[] =>
  describeCollapse(kl).length > 0 ? [] : describeCollapse(undefined, activeUnits)
