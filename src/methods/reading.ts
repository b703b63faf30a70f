/** How a run's model reads images. */
import { binarizeOnce } from '../data/binarize.js'
import type { ImageSet } from '../data/images.js'
import type { HostKey } from '../random.js'
import type { Traits } from './method.js'

/** A split as the model reads it in whole passes and in every evaluation: one fixed binary sample, or the levels themselves. */
export const imagesAsRead = <I extends ImageSet>(split: I, reads: Traits['reads'], key: HostKey): I =>
  reads === 'none' ? split : binarizeOnce(split, reads, key)

/** In a few words, such as `dynamic binarization`. */
export const describeReading = (reads: Traits['reads']): string =>
  reads === 'none' ? 'not binarized' : `${reads} binarization`
