/** `elbo reconstruct RUN`: test images, their binary samples and what the decoder makes of their codes. */
import { splitNames } from '../data/dataset.js'
import { alternateImages, firstImages } from '../data/images.js'
import { choice, text, wholeNumber } from '../settings/setting.js'
import { command } from './command.js'
import { evaluatedSplit, openRun, pictureOptions, runImages, splitOf, writeGrid } from './opened-run.js'

export const reconstruct = command({
  name: 'reconstruct',
  summary: 'shows images beside their reconstructions',
  argument: 'run',
  options: {
    count: wholeNumber([1, 1e4], 40, 'images, from the beginning of the split'),
    split: choice(splitNames, 'test', 'which images'),
    data: text('other images than those of the run'),
    ...pictureOptions,
  },
  examples: ['reconstruct first', 'reconstruct first --count 20 --split validation'],
  async run({ argument, values }, context) {
    const run = await openRun(argument, values, context)
    const data = runImages(run.trained, values.data)
    const split = splitOf(data, values.split)
    const grey = firstImages(split, values.count)
    const seen = firstImages(evaluatedSplit(run.trained, split), values.count)
    const { count } = grey
    const picture = await run.trained.learner.pictures.reconstruct(seen)
    const path = writeGrid(run, alternateImages([grey, seen, picture]), 'reconstructions', values.out, {
      columns: Math.min(count, 5) * 3,
      groupColumns: 3,
    })
    context.print(
      `${count} ${values.split} images, each: image, what the model reads of it, its reconstruction: ${path}`,
    )
    return { json: { run: argument, path, count, split: values.split, z: picture.z } }
  },
})
