/** Settings of models of the features of images: their values, or principal components of these. */
import { z } from 'zod'
import { grouped, positive, read, setting, UsageError } from '../settings/setting.js'
import type { TrainingShape } from './method.js'

export const pcaSetting = grouped(
  'model',
  setting(
    z.int().min(1).max(1e4).nullable(),
    null,
    "a whole number from 1 to 10000, or 'off'",
    [
      'model principal components, not pixels',
      'Model this many principal components of the images instead of their pixels.',
    ],
    read.numberOrOff,
  ),
)

/** Throws a `UsageError` if there are fewer training images than `flag` asks for directions to find in them. */
export function requireImages(flag: string, asked: number | null, { images }: TrainingShape): void {
  // Snapshots of older versions do not say how many images there were: 0.
  if (images === 0 || asked === null || asked <= images) return
  throw new UsageError(`${flag} ${asked}: there are only ${images} training images; use at most as many`)
}

export const varianceFloorSetting = (description: string) => grouped('model', positive(1e-6, description))
