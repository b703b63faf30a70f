/** Settings common to the runs of all methods. */
import { z } from 'zod'
import { backendNames } from '../backends/candidates.js'
import { modes } from '../compile/step.js'
import { validations } from '../data/dataset.js'
import {
  choice,
  type Description,
  type GroupedSettings,
  grouped,
  inGroup,
  read,
  type Setting,
  setting,
  threads,
  wholeNumber,
  wholeNumberOrOff,
} from '../settings/setting.js'

export const runSettings = {
  ...inGroup('data', {
    data: {
      ...setting(
        z.string().min(1),
        'mnist',
        "'mnist', a folder of IDX files, or TRAIN,TEST",
        [
          'folder of IDX files, or TRAIN,TEST',
          "Images: 'mnist', a folder of IDX files named like MNIST's, or two IDX files TRAIN,TEST.",
        ],
        read.text,
        true,
      ),
      placeholder: 'path',
    },
    trainImages: wholeNumberOrOff(['the first n training images', 'Use only the first N training images; off: all.']),
    validationImages: wholeNumberOrOff([
      'the first n validation images',
      'Use only the first N validation images; off: all.',
    ]),
  }),
  ...inGroup('machine', {
    backend: choice(
      backendNames,
      'auto',
      ['compute backend', 'Compute backend; auto: the fastest that runs here. `elbo backends` lists them.'],
      true,
    ),
    compile: choice(
      modes,
      'auto',
      [
        'how steps run',
        'How steps run. xla, graph: as one TensorFlow function. off: one TF.js operation at a time. auto: by XLA, unless it is known to be slow at the step.',
      ],
      true,
    ),
    threads: threads(true),
  }),
  ...inGroup('output', {
    imagesEvery: wholeNumber(
      [1, 1e6],
      5,
      ['epochs between pictures', 'Epochs between pictures of samples and reconstructions.'],
      true,
    ),
  }),
} as const satisfies GroupedSettings

export const validationSetting = grouped(
  'data',
  choice(validations, 'last-sixth', [
    'held out of training',
    'Training images held out for validation. none: train on all images, without validation; the best snapshot is then the last.',
  ]),
)

/** The description says what the seed determines, which depends on the method. */
export const seedSetting = (description: Description): Setting<number> =>
  setting(z.int().min(0).max(Number.MAX_SAFE_INTEGER), 1, 'a whole number from 0 to 2^53 - 1', description, read.number)

/** Units of hidden layers. */
export const layers = (value: number[], description: Description): Setting<number[]> =>
  setting(
    z.array(z.int().min(1).max(1e5)).min(1).max(100),
    value,
    'whole numbers from 1 to 100000, separated by commas, such as 200,200',
    description,
    read.list,
  )
