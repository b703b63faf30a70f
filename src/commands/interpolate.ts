/** `elbo interpolate RUN`: linear interpolation in latent space between test images. */
import { gatherImages } from '../data/images.js'
import { interpolate as interpolateImages } from '../methods/pictures.js'
import { permutation, streamKey } from '../random.js'
import { grouped, wholeNumber } from '../settings/setting.js'
import { command } from './command.js'
import { labelOption, requireLabel } from './label.js'
import {
  dataOption,
  evaluatedSplit,
  openVae,
  orThrow,
  pictureOptions,
  refuseDiscrete,
  runImages,
  writeGrid,
} from './opened-run.js'

export const interpolate = command({
  name: 'interpolate',
  summary: 'interpolates in latent space between test images',
  argument: 'run',
  options: {
    count: grouped('output', wholeNumber([1, 1000], 8, 'number of interpolations, one row each')),
    steps: grouped('output', wholeNumber([2, 1000], 12, 'images of each, with both ends')),
    label: labelOption,
    seed: grouped('run', wholeNumber([0, 2 ** 32], 1, 'seed of the choice of test images')),
    data: dataOption,
    ...pictureOptions,
  },
  examples: ['interpolate first', 'interpolate first --count 4 --steps 16 --seed 3'],
  async run({ argument, values }, context) {
    const run = await openVae(argument, values, context)
    orThrow(refuseDiscrete(run.trained.vae, 'interpolate'))
    const label = requireLabel(run.trained, values.label, 'interpolate')
    const { test } = await runImages(run.trained, values.data, context.note)
    if (test.count < 2) throw new Error(`interpolate: needs two test images; there are only ${test.count}`)
    const walks = Math.min(values.count, Math.floor(test.count / 2))
    const ends = permutation(streamKey(values.seed, 'interpolate'), test.count).subarray(0, 2 * walks)
    const images = gatherImages(evaluatedSplit(run.trained, test), ends)
    const picture = await interpolateImages(run.trained.vae, images, values.steps, label)
    const codes = run.trained.vae.layers.length === 1 ? 'codes' : 'codes h1'
    const path = writeGrid(run, picture, 'interpolations', values.out, { columns: values.steps })
    context.print(
      `${walks} ${walks === 1 ? 'interpolation' : 'interpolations'} between the ${codes} of test images ${[...ends].join(', ')}: ${path}`,
    )
    return { json: { run: argument, path, ends: [...ends], steps: values.steps, seed: values.seed, z: picture.z } }
  },
})
