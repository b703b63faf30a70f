/** `elbo sample RUN`: images from the prior through the decoder. */
import { listed } from '../data/classes.js'
import type { Learner } from '../methods/method.js'
import type { Picture } from '../methods/pictures.js'
import { type Key, streamKey } from '../random.js'
import { choice, grouped, inGroup, UsageError, wholeNumber } from '../settings/setting.js'
import { command } from './command.js'
import { classNamesOf, labelNumber, labelOption } from './label.js'
import { openRun, pictureOptions, writeGrid } from './opened-run.js'
import { sampleFromCodes } from './sample-from-codes.js'

/** As many as Ghosh et al. 2020, section 4, fit to codes. */
const COMPONENTS = 10

export const sample = command({
  name: 'sample',
  summary: 'draws images from the model as one PNG grid',
  argument: 'run',
  options: {
    count: grouped('output', wholeNumber([1, 1e4], 64, 'number of images')),
    label: labelOption,
    ...inGroup('model', {
      from: choice(['prior', 'codes'], 'prior', [
        'where z is drawn',
        'Where z is drawn. prior: p(z). codes: a mixture of Gaussians with full covariances that EM fits to the codes of the training images, for VAEs with Gaussian z; with --condition label one for each class.',
      ]),
      components: wholeNumber([1, 1000], COMPONENTS, 'with --from codes: Gaussians of the mixture'),
    }),
    seed: grouped('run', wholeNumber([0, 2 ** 32], 1, 'seed of the draws')),
    ...pictureOptions,
  },
  examples: [
    'sample first',
    'sample first --count 100 --seed 7 --out samples.png',
    'sample first --from codes',
    'sample first --json > z.json',
    'sample digits --label 3 # of a run with --condition label',
  ],
  async run({ argument, values }, context) {
    const run = await openRun(argument, values, context)
    const { learner, method, config } = run.trained
    const { count, seed, from, components } = values
    if (from === 'prior' && components !== COMPONENTS)
      throw new UsageError(
        `--components ${components}: has no effect with --from prior; leave it out, or use --from codes`,
      )
    const label = labelNumber(run.trained, values.label)
    const names = classNamesOf(run.trained)
    const grid = gridOf(names?.length, label, count)
    const classes = names && (label === undefined ? [...names.keys()] : [label])
    const { picture, fits } =
      from === 'codes'
        ? await sampleFromCodes(
            run.trained,
            { components, count: grid.rows ?? count, seed, ...(classes && { classes }) },
            context,
          )
        : { picture: await drawn(learner, streamKey(seed, 'sample'), grid, label) }
    const path = writeGrid(run, picture, 'samples', values.out, grid.rows ? { columns: grid.columns } : {})
    const source = fits ? (fits.length > 1 ? 'those mixtures' : 'that mixture') : method.traits(config).prior
    const given = names ? `p(x|z, y), ${describeClasses(names, label, fits !== undefined)},` : 'p(x|z)'
    context.print(`mean images of ${given} for ${grid.rows ?? count} draws of z ~ ${source} with seed ${seed}: ${path}`)
    const caution = fits ? undefined : method.priorCaution?.(config)
    if (caution !== undefined) context.note(caution)
    const drawnClasses = names && { classes: Array.from(picture.classes ?? [], number => names[number]) }
    const fitted = fits && (names ? { fits } : { fit: fits[0] })
    return { json: { run: argument, path, count: picture.count, seed, ...fitted, ...drawnClasses, z: picture.z } }
  },
})

/** A number of images, or rows of the same z with a column for each class. */
type Grid = { count: number; rows?: undefined } | { rows: number; columns: number }

/** All classes side by side in as many rows as hold `count` images, if the run reads labels and none is chosen. */
const gridOf = (classes: number | undefined, label: number | undefined, count: number): Grid =>
  classes === undefined || label !== undefined ? { count } : { rows: Math.ceil(count / classes), columns: classes }

async function drawn({ pictures }: Learner, key: Key, grid: Grid, label: number | undefined): Promise<Picture> {
  if (grid.rows === undefined) return pictures.sample(key, grid.count, label)
  if (!pictures.byClass) throw new Error('sample: this model reads labels, but draws no images by class')
  return pictures.byClass(key, grid.rows)
}

function describeClasses(names: readonly string[], label: number | undefined, areFitted: boolean): string {
  if (label !== undefined) return `class ${names[label]}`
  return `a column for each class (${listed(names)})${areFitted ? '' : ', the same z in a row'}`
}
