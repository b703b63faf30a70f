/** `elbo score RUN`: log p(x) of single images, lowest first, and their percentiles among the training images. */
import { z } from 'zod'
import { requireFirst, type Split, sourceName, splitNames } from '../../data/dataset.js'
import { firstImages } from '../../data/images.js'
import { EVALUATION_BATCH } from '../../evaluation/over-images.js'
import { boundScorer, importanceScorer, percentilesOf, type Scorer, type Scores } from '../../evaluation/scores.js'
import { writeFileAtomic } from '../../files/files.js'
import { streamKey } from '../../random.js'
import { requireWritable } from '../../runs/own-files.js'
import type { TrainedRun } from '../../runs/trained-run.js'
import {
  choice,
  grouped,
  inGroup,
  read,
  setting,
  text,
  type Values,
  wholeNumber,
  wholeNumberOrOff,
} from '../../settings/setting.js'
import { alignRows } from '../aligned-rows.js'
import { type Context, command, type Result } from '../command.js'
import { logPxName } from '../estimates.js'
import { compileOption, dataOption, evaluatedSplit, openRun, runImages, runOptions, splitOf } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { wrap } from '../wrap.js'
import { describeSeparation, lowestRows, scoreTable } from './score-report.js'
import { rank, requireNormal, type ScoredImage, separation } from './scored-images.js'

const options = {
  ...inGroup('data', {
    split: choice(splitNames, 'test', 'split to score'),
    images: wholeNumberOrOff('the first n images of the split'),
  }),
  data: dataOption,
  ...inGroup('measurement', {
    samples: wholeNumber([1, 1e5], 100, [
      'draws of z per image; 1: the ELBO',
      'Draws of z per image for log p(x) by importance sampling; 1 gives the ELBO. A run without an encoder is scored by its own bound.',
    ]),
    reference: wholeNumber([10, 1e6], 1000, [
      'training images to compare with',
      'Training images, counted from the first, among which each image has a percentile. The error of a percentile is at most 50 / sqrt(n).',
    ]),
    threshold: setting(
      z.number().min(0).max(100).nullable(),
      null,
      "a percentile from 0 to 100, or 'off'",
      [
        'mark images below this percentile',
        'Mark images whose log p(x) is below this percentile of the training images.',
      ],
      read.numberOrOff,
    ),
    normal: setting(
      z.array(z.string().min(1)).min(1).nullable(),
      null,
      'labels, separated by commas',
      [
        'labels that are normal, for the AUC',
        'Labels of normal images, such as 0,3. The AUC is the probability that a normal image has a higher log p(x) than one with another label.',
      ],
      read.names,
    ),
  }),
  to: grouped('output', text('CSV of all images to write', { unset: 'none' })),
  seed: grouped('run', wholeNumber([0, 2 ** 32], 1, 'seed of the draws of z')),
  compile: compileOption,
  ...runOptions,
}

/** What a likelihood cannot tell. */
const CAVEAT =
  'log p(x) says how many nats an image costs, not whether it belongs to the training images: simpler images of another kind can score higher than these (Nalisnick et al. 2019)'

export const score = command({
  name: 'score',
  summary: 'ranks images by log p(x), with percentiles and AUC',
  argument: 'run',
  options,
  finishesOnInterrupt: true,
  examples: [
    'score first --data path/to/pictures --to scores.csv',
    'score first --data path/to/pictures --threshold 1',
    'score first --normal 1 --samples 500',
  ],
  async run({ argument, values }, context) {
    requireWritable('--to', values.to)
    const { trained } = await openRun(argument, values, context)
    const sets = await imagesToScore(trained, values, context)
    const { images, known, source } = sets
    if (values.normal !== null) requireNormal(images, values.normal)
    const measure = measureOf(trained, values)
    const scored = await scoreSets(sets, measure, values, context)
    if (scored === undefined) return interrupted(argument, context)
    const ranked = rank(images, scored.images, percentilesOf(scored.images.score, scored.known.score))
    const given = images.classes ? ' given their labels' : ''
    const about = `${images.count} ${values.split} images of ${sourceName(source)}${given}`
    context.print(
      `${about}: ${measure.name} in nats, lowest first, with percentiles among ${known.count} training images`,
    )
    for (const line of alignRows(lowestRows(ranked, measure.name), context.columns)) context.print(line)
    const below = describeThreshold(context, ranked, values.threshold)
    const auc = values.normal && separation(ranked, values.normal)
    if (auc) context.print(describeSeparation(auc))
    for (const line of wrap(CAVEAT, context.columns)) context.print(line)
    if (values.to !== null)
      writeTable(values.to, ranked, { measure: measure.key, threshold: values.threshold }, context)
    const { split, samples, seed } = values
    const lowest = ranked.slice(0, MOST_IN_JSON)
    const json = { run: argument, split, data: source, images: images.count, reference: known.count, seed }
    return {
      json: {
        ...json,
        measure: measure.key,
        ...(measure.samples && { samples }),
        ...below,
        ...(auc && { auc }),
        lowest,
      },
    }
  },
})

type ScoreValues = Values<typeof options>

/** The lowest images that the JSON document holds; the CSV holds all. */
const MOST_IN_JSON = 1000

/** The images to score, and the training images of the run that they are compared with, all as the model reads them. */
async function imagesToScore(trained: TrainedRun, values: ScoreValues, context: Context) {
  const own = await runImages(trained, undefined, undefined, context.signal)
  const data = values.data === null ? own : await runImages(trained, values.data, context.note, context.signal)
  const images = requireFirst(evaluatedSplit(trained, splitOf(data, values.split)), values.images, '--images')
  const known = firstImages(evaluatedSplit(trained, own.train), values.reference)
  return { images, known, source: data.source }
}

/** What is measured of each image. */
interface Measure {
  /** In words, and in files. */
  name: string
  key: 'logPx' | 'elbo' | 'bound'
  /** Whether `--samples` matters. */
  samples: boolean
  scorer: Scorer
  dispose(): void
}

function measureOf({ learner, method, config }: TrainedRun, { samples, compile: mode }: ScoreValues): Measure {
  const { vae } = learner
  if (vae) {
    const names =
      samples === 1
        ? ({ name: 'ELBO', key: 'elbo' } as const)
        : ({ name: logPxName(method.traits(config)), key: 'logPx' } as const)
    return { ...names, samples: true, scorer: importanceScorer(vae, samples, { mode }), dispose() {} }
  }
  const { exact, name } = method.traits(config).bound
  const bounds = learner.bounds({ mode })
  const names = exact ? ({ name: 'log p(x)', key: 'logPx' } as const) : ({ name, key: 'bound' } as const)
  return { ...names, samples: false, scorer: boundScorer(bounds), dispose: bounds.dispose }
}

/** Scores both sets with one scorer. Undefined if interrupted. */
async function scoreSets(
  { images, known }: { images: Split; known: Split },
  { scorer, dispose }: Measure,
  { seed }: ScoreValues,
  context: Context,
): Promise<{ images: Scores; known: Scores } | undefined> {
  const bar = progressBar('images', context)
  const scoresOf = (set: Split, stream: string, before: number) =>
    scorer(set, {
      batchSize: EVALUATION_BATCH,
      key: streamKey(seed, stream),
      signal: context.signal,
      onProgress: done => bar.update(before + done, images.count + known.count, ''),
    })
  try {
    const scored = await scoresOf(images, 'score', 0)
    const reference = scored && (await scoresOf(known, 'score of training images', images.count))
    return reference && { images: scored, known: reference }
  } finally {
    bar.stop()
    dispose()
  }
}

function interrupted(run: string, { note }: Context): Result {
  note('interrupted before all images were scored: no percentiles')
  return { json: { run, interrupted: true }, interrupted: true }
}

/** Prints how many images are below the threshold; returns the same for the JSON document. */
function describeThreshold({ print }: Context, images: readonly ScoredImage[], threshold: number | null) {
  if (threshold === null) return {}
  const below = images.filter(({ percentile }) => percentile < threshold).length
  const share = ((100 * below) / images.length).toFixed(1)
  print(`${below} of ${images.length} images (${share} %) are below percentile ${threshold} of the training images`)
  return { threshold, belowThreshold: below }
}

function writeTable(
  path: string,
  images: readonly ScoredImage[],
  form: Parameters<typeof scoreTable>[1],
  { print }: Context,
): void {
  writeFileAtomic(path, scoreTable(images, form))
  print(`all images, lowest first: ${path}`)
}
