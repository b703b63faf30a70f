/** `elbo sample RUN`: images from the prior through the decoder. */

import { streamKey } from '../random.js'
import { grouped, wholeNumber } from '../settings/setting.js'
import { command } from './command.js'
import { openRun, pictureOptions, writeGrid } from './opened-run.js'

export const sample = command({
  name: 'sample',
  summary: 'draws images from the model as one PNG grid',
  argument: 'run',
  options: {
    count: grouped('output', wholeNumber([1, 1e4], 64, 'number of images')),
    seed: grouped('run', wholeNumber([0, 2 ** 32], 1, 'seed of the draws')),
    ...pictureOptions,
  },
  examples: ['sample first', 'sample first --count 100 --seed 7 --out samples.png', 'sample first --json > z.json'],
  async run({ argument, values }, context) {
    const run = await openRun(argument, values, context)
    const { learner, method, config } = run.trained
    const picture = await learner.pictures.sample(streamKey(values.seed, 'sample'), values.count)
    const path = writeGrid(run, picture, 'samples', values.out, {})
    context.print(
      `mean images of p(x|z) for ${values.count} draws of z ~ ${method.traits(config).prior} with seed ${values.seed}: ${path}`,
    )
    const caution = method.priorCaution?.(config)
    if (caution !== undefined) context.note(caution)
    return { json: { run: argument, path, count: values.count, seed: values.seed, z: picture.z } }
  },
})
