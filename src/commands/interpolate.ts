/** `elbo interpolate RUN`: paths in latent space between images. */
import { z } from 'zod'
import { splitNames } from '../data/dataset.js'
import { interpolate as interpolateImages } from '../methods/pictures.js'
import { type PathName, pathNames } from '../numeric/paths.js'
import type { TrainedVae } from '../runs/trained-run.js'
import { choice, grouped, inGroup, read, setting, UsageError, wholeNumber } from '../settings/setting.js'
import { command } from './command.js'
import { checkBetween, chooseEnds } from './interpolation-ends.js'
import { labelOption, requireLabel } from './label.js'
import { dataOption, openVae, orThrow, pictureOptions, refuseDiscrete, writeGrid } from './opened-run.js'

export const interpolate = command({
  name: 'interpolate',
  summary: 'interpolates in latent space between images',
  argument: 'run',
  options: {
    ...inGroup('output', {
      count: wholeNumber([1, 1000], 8, 'number of interpolations, one row each'),
      steps: wholeNumber([2, 1000], 12, 'images of each, with both ends'),
      path: choice(pathNames, 'straight', [
        'straight lines or arcs of spheres',
        'Straight lines, or arcs along which the norm changes evenly (White 2016), which need p(z) = N(0, I).',
      ]),
      label: labelOption,
    }),
    ...inGroup('data', {
      between: setting(
        z.array(z.string().min(1)).min(2).nullable(),
        null,
        'two or more numbers of images or files, separated by commas',
        [
          'pairs of images, as 3,8 or a.png,b.png',
          'Pairs of images: their numbers in the split, from 0 as `encode` and `score` count them, or files of pictures. Unset: random images of the split.',
        ],
        read.names,
      ),
      split: choice(splitNames, 'test', 'split of the images'),
    }),
    seed: grouped('run', wholeNumber([0, 2 ** 32], 1, 'seed of the random choice of images')),
    data: dataOption,
    ...pictureOptions,
  },
  examples: [
    'interpolate first',
    'interpolate first --count 4 --steps 16 --seed 3',
    'interpolate first --between 3,8,0,12 --path spherical',
    'interpolate first --between one.png,other.png',
  ],
  async run({ argument, values, given }, context) {
    checkBetween(given)
    const run = await openVae(argument, values, context)
    orThrow(refuseDiscrete(run.trained.vae, 'interpolate'))
    const label = requireLabel(run.trained, values.label, 'interpolate')
    requireSphere(run.trained, values.path)
    const { images, names } = await chooseEnds(run.trained, values, context.note)
    const { steps, path: shape } = values
    const picture = await interpolateImages(run.trained.vae, images, { steps, path: shape, label })
    const codes = run.trained.vae.layers.length === 1 ? 'codes' : 'codes h1'
    const path = writeGrid(run, picture, 'interpolations', values.out, { columns: values.steps })
    const walks = names.length / 2
    context.print(
      `${walks} ${walks === 1 ? 'interpolation' : 'interpolations'} between the ${codes} of ${values.split} images ${names.join(', ')}: ${path}`,
    )
    return { json: { run: argument, path, ends: names, steps: values.steps, seed: values.seed, z: picture.z } }
  },
})

/** Throws a `UsageError` if arcs of spheres are asked for, and p(z) is not N(0, I). */
function requireSphere({ method, config }: TrainedVae, path: PathName): void {
  const { prior } = method.traits(config)
  if (path === 'straight' || prior === 'N(0, I)') return
  throw new UsageError(`--path ${path}: needs p(z) = N(0, I), whose draws lie near a sphere; here it is ${prior}`)
}
