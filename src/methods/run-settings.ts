/** Settings common to the runs of all methods. */
import { z } from 'zod'
import { backendNames } from '../backends/candidates.js'
import { modes, precisions } from '../compile/step.js'
import {
  choice,
  type Description,
  type GroupedSettings,
  grouped,
  inGroup,
  read,
  type Setting,
  setting,
  text,
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
        "'mnist', a path, or TRAIN,TEST",
        [
          'file, folder, or TRAIN,TEST',
          "Images: 'mnist', a file or folder of images, a pattern of paths, or two or three of them: TRAIN,TEST or TRAIN,VALIDATION,TEST. docs/your-data.md has a command for each format; `elbo data` shows what is read.",
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
    precision: {
      ...choice(precisions, 'float32', [
        'matrix products',
        'Operands of the matrix products of training. bfloat16: rounded to 8 significant bits, with float32 sums; weights, the optimizer and every evaluation stay float32. It needs XLA, and a processor with amx_bf16 or avx512_bf16.',
      ]),
      added: true,
    },
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

/** A setting that runs of older versions lack. */
const added = <S extends object>(one: S): S & { added: true } => ({ ...one, added: true })

const workers = (description: Description) => grouped('machine', added(wholeNumber([1, 1024], 1, description, true)))

/** Processes that train together. */
export const workersSetting = workers([
  'processes that train together',
  'Processes that train together, each on its part of every batch: data parallelism (docs/clusters.md). --batch-size is that of all together and must be a multiple. The last digits of results depend on it.',
])

/** The same for EM, whose statistics are sums over images. */
export const emWorkersSetting = workers([
  'processes that fit together',
  'Processes that fit together: each takes its share of the batches of a pass, and their sums are added before the M step (docs/clusters.md). The last digits of results depend on it.',
])

/** A setting that only the help of `elbo data` lists. */
const ofData = <S extends object>(one: S) => ({ ...added(one), shownBy: 'data' })

/** How images are read, where their source leaves it open. */
export const readSettings = inGroup('data', {
  resize: added(
    text(['size of all images, as 32 or 32x24', 'Resizes images to ROWSxCOLUMNS, or to one number for both.'], {
      placeholder: 'value',
      unset: 'off',
    }),
  ),
  crop: ofData(
    choice(['none', 'center'], 'none', [
      'what resizing cuts off',
      'What --resize does with images of another ratio. none: they are distorted. center: their middle is cut out.',
    ]),
  ),
  background: ofData(
    choice(['black', 'white'], 'black', ['behind transparent pixels', 'The colour behind transparent pixels.']),
  ),
  channels: ofData(
    choice(['as-is', 'grey', 'colour'], 'as-is', [
      'grey or colour',
      'Whether all images become grey, of 1 channel, or colour, of 3. as-is: colour if any picture is in colour.',
    ]),
  ),
  transpose: ofData(
    choice(['off', 'on'], 'off', [
      'swap rows and columns',
      "Swaps rows and columns of each image, as EMNIST's files need it.",
    ]),
  ),
  key: ofData(
    text(['array or column', 'The array of an npz or MATLAB file, or the column of a Parquet file.'], {
      placeholder: 'name',
      unset: 'the usual names',
    }),
  ),
  rawShape: ofData(
    text(
      [
        'shape of arrays without one',
        'The shape of bytes without a header: COUNTxROWSxCOLUMNS or COUNTxROWSxCOLUMNSxCHANNELS.',
      ],
      { placeholder: 'value', unset: 'off' },
    ),
  ),
  skipBroken: ofData(
    choice(['off', 'on'], 'off', [
      'skip damaged images',
      'Leaves out and counts images that cannot be decoded. off: the first of them ends the run.',
    ]),
  ),
  levels: ofData(
    choice(['0-255', '0-1'], '0-255', [
      'what bytes mean',
      'Levels of bytes and whole numbers. 0-1: 0 is black and 1 is white, as in binary sets that are published as bytes.',
    ]),
  ),
  labels: {
    ...ofData(
      text(
        [
          'CSV of labels',
          'A CSV file with a label for each image: the columns file and label, or one column in the order of the images.',
        ],
        { unset: 'those of the source' },
      ),
    ),
    resumable: true,
  },
})

/** A share of images, as a number in (0, 1) or a word. */
const share = z.number().gt(0).lt(1)

const readShare = (text: string): unknown => (/^[a-z]/i.test(text) ? text : read.number(text))

export const validationSetting = grouped('data', {
  ...setting(
    z.union([z.literal('last-sixth'), z.literal('none'), share]),
    'last-sixth',
    "'last-sixth', 'none', or a share between 0 and 1, such as 0.1,",
    [
      'share held out, or none',
      'Training images held out for validation, if the source has none of its own: the last sixth, or another share of them. none: train on all images, without validation; the best snapshot is then the last.',
    ],
    readShare,
  ),
})

export const testSetting = added(
  grouped('data', {
    ...setting(
      z.union([z.literal('last-sixth'), share]),
      'last-sixth',
      "'last-sixth', or a share between 0 and 1, such as 0.1,",
      [
        'share held out for tests',
        'Images held out for tests, if the source has none of its own: the last sixth, or another share of all its images.',
      ],
      readShare,
    ),
  }),
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
