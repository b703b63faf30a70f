/** `elbo sample RUN`: images from the prior through the decoder. */

import { streamKey } from '../random.js'
import { choice, grouped, inGroup, UsageError, wholeNumber } from '../settings/setting.js'
import { command } from './command.js'
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
    ...inGroup('model', {
      from: choice(['prior', 'codes'], 'prior', [
        'where z is drawn',
        'Where z is drawn. prior: p(z). codes: a mixture of Gaussians with full covariances that EM fits to the codes of the training images, for VAEs with Gaussian z.',
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
  ],
  async run({ argument, values }, context) {
    const run = await openRun(argument, values, context)
    const { learner, method, config } = run.trained
    const { count, seed, from, components } = values
    if (from === 'prior' && components !== COMPONENTS)
      throw new UsageError(
        `--components ${components}: has no effect with --from prior; leave it out, or use --from codes`,
      )
    const { picture, fit } =
      from === 'codes'
        ? await sampleFromCodes(run.trained, { components, count, seed }, context)
        : { picture: await learner.pictures.sample(streamKey(seed, 'sample'), count) }
    const path = writeGrid(run, picture, 'samples', values.out, {})
    const source = fit ? 'that mixture' : method.traits(config).prior
    context.print(`mean images of p(x|z) for ${count} draws of z ~ ${source} with seed ${seed}: ${path}`)
    const caution = fit ? undefined : method.priorCaution?.(config)
    if (caution !== undefined) context.note(caution)
    return { json: { run: argument, path, count, seed, ...(fit && { fit }), z: picture.z } }
  },
})
