/** `elbo posterior RUN`: the true p(z|x) of images beside q(z|x), for a model with two latent dimensions. */
import { join } from 'node:path'
import { z } from 'zod'
import * as tf from '#tfjs'
import { type Split, splitNames } from '../data/dataset.js'
import { gatherImages, type InMemory, imageRange } from '../data/images.js'
import { unitValues } from '../data/levels.js'
import { type PosteriorMap, posteriorMaps } from '../evaluation/posterior-map.js'
import { type Quadrature, quadrature } from '../evaluation/quadrature.js'
import { writeFileAtomic } from '../files/files.js'
import { givenClass } from '../models/conditional.js'
import type { Vae } from '../models/vae.js'
import type { PosteriorRow } from '../plots/posterior-chart.js'
import { choice, grouped, read, setting, UsageError } from '../settings/setting.js'
import { command } from './command.js'
import { logPxName } from './estimates.js'
import { gridSettings, gridTrust, holdsQ, requireGrid } from './grid.js'
import {
  compileOption,
  dataOption,
  evaluatedSplit,
  openVae,
  pictureFolder,
  pictureOptions,
  runImages,
  splitOf,
} from './opened-run.js'

/** Points along each axis of a map, and of the grid that locates the map. */
const SIDE = 160
const SEARCH = 301

export const posterior = command({
  name: 'posterior',
  summary: 'draws p(z|x) beside q(z|x) over a plane of z',
  argument: 'run',
  options: {
    images: grouped(
      'data',
      setting(
        z.array(z.int().min(0).max(1e9)).min(1).max(50),
        [0, 1, 2, 3],
        'whole numbers from 0, separated by commas, such as 0,7,12',
        'numbers of images in the split, from 0',
        read.list,
      ),
    ),
    split: grouped('data', choice(splitNames, 'test', 'split to draw')),
    data: dataOption,
    ...gridSettings,
    compile: compileOption,
    ...pictureOptions,
  },
  examples: ['posterior plane', 'posterior plane --images 0,7,12 --out posterior.png'],
  async run({ argument, values }, context) {
    const { folder, trained } = await openVae(argument, values, context)
    requireGrid(trained.vae, 'posterior', values)
    const { vae } = trained
    if (vae.latentDim !== 2)
      throw new UsageError(
        `run ${argument} has ${vae.latentDim} latent dimensions; posterior needs 2: train with --preset latent-2d`,
      )
    const data = await runImages(trained, values.data)
    const split = splitOf(data, values.split)
    const chosen = pick(evaluatedSplit(trained, split), values.images)
    const options = { side: values.grid, extent: values.extent, mode: values.compile, signal: context.signal }
    const integrals = await quadrature(vae, chosen, options)
    const maps = await mapsOf(vae, chosen, values.extent)
    const name = logPxName(trained.method.traits(trained.config))
    const rows = values.images.map((number, i) => rowOf({ number, i, chosen, integrals, maps, name }))
    const path = values.out ?? join(pictureFolder(folder, 'images'), 'posterior.png')
    await draw(path, argument, rows)
    for (const { title, numbers } of rows)
      context.print(`${title}: ${numbers.map(([name, value]) => `${name} ${value}`).join('  ')}`)
    context.print(`by quadrature, in nats; chart of p(z|x) and q(z|x): ${path}`)
    for (const warning of gridTrust(integrals).warnings) context.print(warning)
    const json = values.images.map((image, i) => describe(image, i, integrals, maps))
    return { json: { run: argument, path, split: values.split, grid: values.grid, images: json } }
  },
})

type Chosen = InMemory<Split>

/** The images with these numbers. Throws a `UsageError` if there is no such image. */
function pick(split: Split, numbers: readonly number[]): Chosen {
  const beyond = numbers.find(number => number >= split.count)
  if (beyond !== undefined)
    throw new UsageError(`--images ${beyond}: there are only ${split.count} ${split.name} images, counted from 0`)
  return gatherImages(split, numbers)
}

async function mapsOf(vae: Vae, chosen: Chosen, extent: number): Promise<PosteriorMap[]> {
  const { classes, pixels, count } = chosen
  if (classes) return mapsByClass(vae, chosen, classes, extent)
  const x = tf.tensor2d(unitValues(pixels), [count, vae.pixels])
  const maps = await posteriorMaps(vae, x, { extent, search: SEARCH, side: SIDE })
  x.dispose()
  return maps
}

/** One image after the other, each with the model of its class. */
async function mapsByClass(vae: Vae, chosen: Chosen, classes: Uint8Array, extent: number): Promise<PosteriorMap[]> {
  const maps: PosteriorMap[] = []
  for (const [i, number] of classes.entries()) {
    const { classes: _, ...image } = imageRange(chosen, i, i + 1)
    const y = tf.tidy(() => givenClass(vae, number).y as tf.Tensor)
    maps.push(...(await mapsOf({ ...vae, y }, image, extent)))
    y.dispose()
  }
  return maps
}

interface Drawn {
  /** The image's number in the split, and its index in `chosen`. */
  number: number
  i: number
  chosen: Chosen
  integrals: Quadrature
  maps: readonly PosteriorMap[]
  /** log p(x), or log p(x|y) of a conditional model. */
  name: string
}

function rowOf({ number, i, chosen, integrals, maps, name }: Drawn): PosteriorRow {
  const { pixels, columns: width, rows: height } = imageRange(chosen, i, i + 1)
  return {
    ...(maps[i] as PosteriorMap),
    title: `${chosen.name} image ${number}`,
    image: { pixels, width, height },
    numbers: numbersOf(integrals, i, name),
  }
}

/**
 * ELBO + KL = log p(x) with three decimals; the KL is the difference of the rounded values, so that the printed sum is exact. Only
 * log p(x) if the grid does not hold q.
 */
function numbersOf({ elbo, logPx, qMass }: Quadrature, i: number, name: string): [string, string][] {
  const thousandths = (values: Float64Array) => Math.round(1000 * (values[i] as number))
  const shown = (value: number) => (value / 1000).toFixed(3).replace('-', '−')
  if (!holdsQ(qMass[i] as number)) return [[name, shown(thousandths(logPx))]]
  return [
    ['ELBO', shown(thousandths(elbo))],
    ['+ KL(q(z|x) ‖ p(z|x))', shown(thousandths(logPx) - thousandths(elbo))],
    [`= ${name}`, shown(thousandths(logPx))],
  ]
}

function describe(image: number, i: number, sums: Quadrature, maps: readonly PosteriorMap[]) {
  const { mu, sigma } = maps[i] as PosteriorMap
  const { elbo, gap, logPx, half, qMass } = sums
  const sum = { elbo: elbo[i], gap: gap[i], logPx: logPx[i], logPxByHalfTheGrid: half.logPx[i] }
  return { image, ...sum, qMass: qMass[i], mu, sigma }
}

async function draw(path: string, run: string, rows: readonly PosteriorRow[]): Promise<void> {
  const [{ posteriorChart }, { svgToPng }] = await Promise.all([
    import('../plots/posterior-chart.js'),
    import('../plots/svg-to-png.js'),
  ])
  const svg = posteriorChart({
    title: `${run}: the posterior and its approximation`,
    subtitle:
      'Blue: p(z|x), darker where denser. Orange: q(z|x), its mean and its contours at 1 and 2 standard deviations. ' +
      'Every plane has its own scale. By quadrature, in nats.',
    xLabel: 'z₁',
    yLabel: 'z₂',
    rows,
  })
  writeFileAtomic(path, svgToPng(svg))
}
