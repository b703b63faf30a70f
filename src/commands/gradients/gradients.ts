/** `elbo gradients RUN`: mean, variance and signal-to-noise ratio of each gradient estimator on one batch. */
import { basename, join } from 'node:path'
import { z } from 'zod'
import { type Split, sourceName } from '../../data/dataset.js'
import { firstImages } from '../../data/images.js'
import {
  type EstimateName,
  estimates,
  type GradientEstimate,
  type MeasuredEstimate,
  measureEstimates,
  refuseEstimate,
} from '../../evaluation/gradient-estimates.js'
import { writeFileAtomic } from '../../files/files.js'
import { bounds } from '../../inference/gradient-ascent.js'
import { describeReading } from '../../methods/reading.js'
import { klEstimators } from '../../objectives/elbo.js'
import type { TrainedVae } from '../../runs/trained-run.js'
import {
  choice,
  grouped,
  inGroup,
  read,
  setting,
  UsageError,
  type Values,
  wholeNumber,
} from '../../settings/setting.js'
import { type Context, command } from '../command.js'
import {
  compileOption,
  describeChoice,
  evaluatedSplit,
  openVae,
  pictureFolder,
  runImages,
  runOptions,
} from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { describeGradient, describeSlopes, gradientHeader, gradientNotes } from './gradient-table.js'

const options = {
  ...inGroup('measurement', {
    objectives: {
      ...setting(
        z.array(z.enum(bounds)).min(1),
        [...bounds],
        `one or more of ${bounds.join(', ')}, separated by commas,`,
        'bounds whose gradients to estimate',
        read.names,
      ),
      choices: bounds,
    },
    estimators: {
      ...setting(
        z.array(z.enum(estimates)).min(1).nullable(),
        null,
        `one or more of ${estimates.join(', ')}, separated by commas,`,
        [
          'estimators of the gradient',
          'Estimators of the gradient. Unless they are given: for elbo all but stl; for iwae pathwise, dreg and score:leave-one-out; for binary z only those with score.',
        ],
        read.names,
      ),
      choices: estimates,
      unset: 'those with known effects',
    },
    ks: setting(
      z.array(z.int().min(1).max(1e4)).min(1).max(100),
      [1, 2, 4, 8, 16, 32, 64],
      'whole numbers from 1 to 10000, separated by commas, such as 1,2,4',
      'numbers of draws of z per image',
      read.list,
    ),
    draws: wholeNumber([20, 1e7], 1000, 'independent draws of each estimate'),
    batchSize: wholeNumber([1, 1e5], 20, [
      'images, the first of the test split',
      'Size of the fixed batch, the first images of the test split.',
    ]),
    kl: choice(klEstimators, 'analytic', [
      'KL term of the ELBO',
      'KL term of the ELBO. analytic: in closed form. monte-carlo: estimated from the draws of z, as stl always does.',
    ]),
  }),
  seed: grouped('run', wholeNumber([0, 2 ** 32], 1, 'seed of the noise')),
  compile: compileOption,
  ...runOptions,
}

type Asked = Values<typeof options>

export const gradients = command({
  name: 'gradients',
  summary: 'measures the noise of gradient estimators',
  argument: 'run',
  options,
  finishesOnInterrupt: true,
  examples: [
    'gradients first',
    'gradients first --ks 1,8 --draws 200',
    'gradients first --objectives elbo --estimators stl,score:none --ks 1',
    'gradients first --objectives iwae --estimators pathwise,dreg --json',
  ],
  async run({ argument, values }, context) {
    const { folder, trained } = await openVae(argument, values, context)
    const wanted = plan(trained, values)
    const images = firstImages(evaluatedSplit(trained, (await runImages(trained)).test), values.batchSize)
    const rows = await measure(trained, images, wanted, values, context)
    const interrupted = rows.length < wanted.length
    if (interrupted) context.note(`interrupted: measured ${rows.length} of ${wanted.length} gradients`)
    for (const line of [...describeSlopes(rows), ...gradientNotes(rows)]) context.print(line)
    if (rows.length > 0) context.print(`chart: ${await draw(trained, folder, rows)}`)
    const { snapshot, batchSize: _, draws, kl, seed } = values
    const { reads: binarize } = trained.method.traits(trained.config)
    const binarizationSeed = trained.config.seed
    const about = { run: argument, snapshot, images: images.count, binarize, binarizationSeed, draws, kl, seed }
    return { json: { ...about, rows: rows.map(({ compile: _, ...row }) => row), interrupted }, interrupted }
  },
})

/** All combinations of bound, k and estimator that exist. Throws a `UsageError` if a requested estimator exists for no bound and k. */
function plan({ vae }: TrainedVae, { objectives, estimators, ks, kl }: Asked): GradientEstimate[] {
  const all = [...new Set(objectives)].flatMap(objective =>
    [...new Set(ks)].flatMap(samples =>
      namesFor(objective, estimators).map(estimate => ({ objective, estimate, samples })),
    ),
  )
  const possible = all.filter(one => refuseEstimate(vae, one) === undefined)
  const closed = possible.some(({ objective, estimate }) => objective === 'elbo' && estimate !== 'stl')
  if (!vae.latents.exactKl && kl === 'analytic' && closed) {
    const why = vae.layers.length > 1 ? 'two latent layers' : 'a learned prior'
    throw new UsageError(`--kl analytic: the KL term has no closed form with ${why}; use --kl monte-carlo`)
  }
  const missing = estimators?.find(name => !possible.some(({ estimate }) => estimate === name))
  const refused = all.find(({ estimate }) => estimate === missing || possible.length === 0)
  if (!refused) return possible
  throw new UsageError(`--estimators ${refused.estimate}: ${refuseEstimate(vae, refused)}`)
}

/** The requested estimators; by default those with the known effects of the bound. */
function namesFor(objective: GradientEstimate['objective'], asked: EstimateName[] | null): readonly EstimateName[] {
  if (asked) return [...new Set(asked)]
  if (objective === 'elbo') return estimates.filter(name => name !== 'stl')
  return ['pathwise', 'dreg', 'score:leave-one-out']
}

/** Measures row by row and prints each; returns fewer rows than wanted if interrupted. */
async function measure(
  { vae }: TrainedVae,
  images: Split,
  wanted: readonly GradientEstimate[],
  { draws, seed, kl, compile }: Asked,
  context: Context,
): Promise<MeasuredEstimate[]> {
  const rows: MeasuredEstimate[] = []
  const bar = progressBar('draws', context)
  const measured = measureEstimates(vae, images, wanted, {
    ...{ draws, seed, kl, mode: compile, signal: context.signal },
    onProgress: (done, total, { objective, estimate, samples }) =>
      bar.update(Math.round(done), total, `${objective} ${estimate}, k = ${samples}`),
  })
  try {
    for await (const row of measured) {
      bar.stop()
      if (rows.length === 0) context.note(describeChoice(row.compile))
      const { print, columns } = context
      for (const line of [...(rows.length === 0 ? gradientHeader(columns) : []), ...describeGradient(row, columns)])
        print(line)
      rows.push(row)
    }
    return rows
  } finally {
    bar.stop()
  }
}

/** Writes plots/gradients.svg and .png; returns the path of the latter. */
async function draw(
  { method, config }: TrainedVae,
  folder: string,
  rows: readonly MeasuredEstimate[],
): Promise<string> {
  const [{ gradientChart }, { svgToPng }] = await Promise.all([
    import('./gradient-chart.js'),
    import('../../plots/svg-to-png.js'),
  ])
  const read = describeReading(method.traits(config).reads)
  const { draws } = (rows[0] as MeasuredEstimate).encoder
  const subtitle = `Run ${basename(folder)}, ${sourceName(config.data)}, ${read}. ${draws.toLocaleString('en')} draws of the noise.`
  const svg = gradientChart(subtitle, rows)
  const path = join(pictureFolder(folder, 'plots'), 'gradients')
  writeFileAtomic(`${path}.svg`, svg)
  writeFileAtomic(`${path}.png`, svgToPng(svg))
  return `${path}.png`
}
