/** Settings common to the runs of all methods. */
import { z } from 'zod'
import { backendNames } from '../backends/candidates.js'
import { modes } from '../compile/step.js'
import { validations } from '../data/dataset.js'
import { choice, read, type Setting, setting, threads, wholeNumber, wholeNumberOrOff } from '../settings/setting.js'

export const runSettings = {
  data: setting(
    z.string().min(1),
    'mnist',
    "'mnist', a folder of IDX files, or TRAIN,TEST",
    "images: 'mnist', a folder of IDX files named like MNIST's, or two IDX files TRAIN,TEST",
    read.text,
    true,
  ),
  trainImages: wholeNumberOrOff('use only the first N training images; off: all'),
  validationImages: wholeNumberOrOff('use only the first N validation images; off: all'),
  backend: choice(backendNames, 'auto', 'compute backend; auto: the fastest that runs here', true),
  compile: choice(
    modes,
    'auto',
    'how steps run: as one TensorFlow function (xla, graph), one TF.js operation at a time (off), or by XLA unless it is known to be slow at the step (auto)',
    true,
  ),
  threads: threads(true),
  imagesEvery: wholeNumber([1, 1e6], 5, 'epochs between pictures of samples and reconstructions', true),
}

export const validationSetting = choice(
  validations,
  'last-sixth',
  'training images held out for validation; none: train on all images, without validation; the best snapshot is then the last',
)

/** The description says what the seed determines, which depends on the method. */
export const seedSetting = (description: string): Setting<number> =>
  setting(z.int().min(0).max(Number.MAX_SAFE_INTEGER), 1, 'a whole number from 0 to 2^53 - 1', description, read.number)

/** Units of hidden layers. */
export const layers = (value: number[], description: string): Setting<number[]> =>
  setting(
    z.array(z.int().min(1).max(1e5)).min(1).max(100),
    value,
    'whole numbers from 1 to 100000, separated by commas, such as 200,200',
    description,
    read.list,
  )
