/** `elbo traverse RUN`: what single dimensions of z change, the most used ones first. */
import { requireFirst, type Split } from '../data/dataset.js'
import { imageRange } from '../data/images.js'
import { encodeImages, vaeCodes } from '../evaluation/codes.js'
import { type Dimension, dimensionSums } from '../evaluation/dimensions.js'
import { priorAxes } from '../evaluation/prior-axes.js'
import { encodeModes, traverse as traverseDimensions } from '../methods/pictures.js'
import type { Vae } from '../models/vae.js'
import { streamKey } from '../random.js'
import { inGroup, positive, UsageError, wholeNumber, wholeNumberOrOff } from '../settings/setting.js'
import { alignRows } from './aligned-rows.js'
import { type Context, command } from './command.js'
import { labelOption, requireLabel } from './label.js'
import {
  compileOption,
  dataOption,
  evaluatedSplit,
  inDeviations,
  openVae,
  orThrow,
  pictureOptions,
  refuseLayers,
  runImages,
  writeGrid,
} from './opened-run.js'
import { progressBar } from './progress-bar.js'

export const traverse = command({
  name: 'traverse',
  summary: 'draws what the most used dimensions of z change',
  argument: 'run',
  options: {
    ...inGroup('output', {
      count: wholeNumber([1, 1000], 10, 'dimensions, the most used ones first'),
      steps: wholeNumber([2, 1000], 11, 'images of each dimension'),
      extent: positive(3, 'each runs from -n to n standard deviations of p(z)'),
      label: labelOption,
    }),
    ...inGroup('data', {
      start: wholeNumberOrOff([
        'the nth test image as the centre; off: E[z]',
        'The nth test image, counted from 1, whose code gives the other dimensions. off: they are the mean of p(z), usually 0.',
      ]),
      images: wholeNumberOrOff('measure use on the first n test images'),
    }),
    data: dataOption,
    compile: compileOption,
    ...pictureOptions,
  },
  examples: ['traverse first', 'traverse first --count 5 --steps 15 --start 8'],
  async run({ argument, values }, context) {
    const run = await openVae(argument, values, context)
    const { vae } = run.trained
    orThrow(refuseLayers(vae, 'traverse'))
    const label = requireLabel(run.trained, values.label, 'traverse')
    const data = await runImages(run.trained, values.data, context.note)
    const test = evaluatedSplit(run.trained, data.test)
    const all = await dimensionsOf(vae, requireFirst(test, values.images, '--images'), values.compile, context)
    const shown = all.slice(0, values.count)
    const centre = await centreOf(vae, test, values.start)
    const { steps, extent } = values
    const dimensions = shown.map(({ dimension }) => dimension)
    const picture = await traverseDimensions(vae, { dimensions, centre, steps, extent, label })
    const path = writeGrid(run, picture, 'traversals', values.out, { columns: steps })
    for (const line of alignRows(rowsOf(shown, vae.latents.exactKl), context.columns)) context.print(line)
    context.print(`one row of images for each of these, z_j from -${extent} to ${extent}${inDeviations(vae)}: ${path}`)
    const used = shown.map(({ dimension, kl, variance, isActive }) => ({
      dimension,
      ...(vae.latents.exactKl ? { kl } : { variance }),
      active: isActive,
    }))
    return { json: { run: argument, path, steps, extent, start: values.start, dimensions: used, z: picture.z } }
  },
})

/** All dimensions of z, the largest mean KL over the images first; under a learned prior, the largest variance of E[z_j|x] first. */
async function dimensionsOf(
  vae: Vae,
  images: Split,
  mode: 'auto' | 'xla' | 'graph' | 'off',
  context: Context,
): Promise<Dimension[]> {
  const sums = dimensionSums(vae.latentDim)
  const bar = progressBar('images', context)
  const options = {
    mode,
    samples: 1,
    key: streamKey(0, 'traverse'), // of the ELBO, which is not used
    onProgress: (done: number) => bar.update(done, images.count, 'use of each dimension'),
  }
  await encodeImages(vaeCodes(vae), images, options, ({ mean, kl }) => {
    if (mean) sums.add(mean, kl)
  }).finally(() => bar.stop())
  return sums.result()
}

/** The z of the dimensions that do not change. Throws a `UsageError` if there are fewer test images than `start`. */
async function centreOf(vae: Vae, test: Split, start: number | null): Promise<number[]> {
  if (start === null) return [...(await priorAxes(vae)).mean]
  if (start > test.count) throw new UsageError(`--start ${start}: there are only ${test.count} test images`)
  const [z] = await encodeModes(vae, imageRange(test, start - 1, start))
  return z as number[]
}

const rowsOf = (dimensions: readonly Dimension[], hasKl: boolean): string[][] => [
  ['dimension', hasKl ? 'KL (nats)' : 'variance of E[z|x]', 'active'],
  ...dimensions.map(({ dimension, kl, variance, isActive }) => [
    `z ${dimension}`,
    (hasKl ? kl : variance).toFixed(3),
    isActive ? 'yes' : 'no',
  ]),
]
