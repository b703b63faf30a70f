/** `elbo interpolate RUN`: straight walks through latent space between test images. */
import { gatherImages } from '../data/images.js'
import { interpolate as interpolateImages } from '../methods/pictures.js'
import { permutation, streamKey } from '../random.js'
import { text, wholeNumber } from '../settings/setting.js'
import { command } from './command.js'
import { evaluatedSplit, openVae, orThrow, pictureOptions, refuseDiscrete, runImages, writeGrid } from './opened-run.js'

export const interpolate = command({
  name: 'interpolate',
  summary: 'walks between pairs of test images through latent space',
  argument: 'run',
  options: {
    count: wholeNumber([1, 1000], 8, 'walks, one row each'),
    steps: wholeNumber([2, 1000], 12, 'images on a walk, both ends included'),
    seed: wholeNumber([0, 2 ** 32], 1, 'decides which test images are the ends'),
    data: text('other images than those of the run'),
    ...pictureOptions,
  },
  examples: ['interpolate first', 'interpolate first --count 4 --steps 16 --seed 3'],
  async run({ argument, values }, context) {
    const run = await openVae(argument, values, context)
    orThrow(refuseDiscrete(run.trained.vae, 'interpolate'))
    const { test } = runImages(run.trained, values.data)
    if (test.count < 2) throw new Error(`interpolate: ${test.count} test image; a walk needs two`)
    const walks = Math.min(values.count, Math.floor(test.count / 2))
    const ends = permutation(streamKey(values.seed, 'interpolate'), test.count).subarray(0, 2 * walks)
    const images = gatherImages(evaluatedSplit(run.trained, test), ends)
    const picture = await interpolateImages(run.trained.vae, images, values.steps)
    const where = run.trained.vae.layers.length === 1 ? '' : ' in h1, the lower layer of z,'
    const path = writeGrid(run, picture, 'interpolations', values.out, { columns: values.steps })
    context.print(`${walks} walks between the codes${where} of test images ${[...ends].join(', ')}: ${path}`)
    return { json: { run: argument, path, ends: [...ends], steps: values.steps, seed: values.seed, z: picture.z } }
  },
})
