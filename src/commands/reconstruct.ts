/** `elbo reconstruct RUN`: images, their binary samples, and their reconstructions. */
import { splitNames } from '../data/dataset.js'
import { alternateImages, firstImages, inMemory } from '../data/images.js'
import { choice, grouped, wholeNumber } from '../settings/setting.js'
import { command } from './command.js'
import { dataOption, evaluatedSplit, openRun, pictureOptions, runImages, splitOf, writeGrid } from './opened-run.js'

export const reconstruct = command({
  name: 'reconstruct',
  summary: 'draws images beside their reconstructions',
  argument: 'run',
  options: {
    count: grouped('output', wholeNumber([1, 1e4], 40, 'number of images, the first of the split')),
    split: grouped('data', choice(splitNames, 'test', 'split to draw')),
    data: dataOption,
    ...pictureOptions,
  },
  examples: ['reconstruct first', 'reconstruct first --count 20 --split validation'],
  async run({ argument, values }, context) {
    const run = await openRun(argument, values, context)
    const data = await runImages(run.trained, values.data, context.note)
    const split = splitOf(data, values.split)
    const grey = inMemory(firstImages(split, values.count))
    const seen = inMemory(firstImages(evaluatedSplit(run.trained, split), values.count))
    const { count } = grey
    const picture = await run.trained.learner.pictures.reconstruct(seen)
    const path = writeGrid(run, alternateImages([grey, seen, picture]), 'reconstructions', values.out, {
      columns: Math.min(count, 5) * 3,
      groupColumns: 3,
    })
    context.print(
      `${count} ${values.split} images, each as the original, the input of the model and the reconstruction: ${path}`,
    )
    return { json: { run: argument, path, count, split: values.split, z: picture.z } }
  },
})
