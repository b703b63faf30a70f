/** Settings of models of grey images. */
import { z } from 'zod'
import { positive, read, type Setting, setting } from '../settings/setting.js'

export const pcaSetting = setting(
  z.int().min(1).max(1e4).nullable(),
  null,
  "a whole number from 1 to 10000, or 'off'",
  'model this many principal components of the images instead of their pixels',
  read.numberOrOff,
)

export const varianceFloorSetting = (description: string): Setting<number> => positive(1e-6, description)
