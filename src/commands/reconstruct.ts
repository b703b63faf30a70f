/** `elbo reconstruct RUN`: test images, their binary samples and what the decoder makes of their codes. */
import { splitNames } from '../data/dataset.js'
import { alternate } from '../runs/records.js'
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
    const size = data.rows * data.columns
    const split = splitOf(data, values.split)
    const count = Math.min(values.count, split.count)
    const grey = split.pixels.subarray(0, count * size)
    const binary = evaluatedSplit(run.trained, split).pixels.subarray(0, count * size)
    const { pixels, z } = await run.trained.learner.pictures.reconstruct(binary)
    const path = writeGrid(run, alternate([grey, binary, pixels], size), 'reconstructions', values.out, {
      columns: Math.min(count, 5) * 3,
      groupColumns: 3,
    })
    context.print(
      `${count} ${values.split} images, each: image, what the model reads of it, its reconstruction: ${path}`,
    )
    return { json: { run: argument, path, count, split: values.split, z } }
  },
})
