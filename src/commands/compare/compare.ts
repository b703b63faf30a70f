/** `elbo compare`: several methods on one data set, with one budget and one metric: runs, table, CSV, JSON, chart. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Dataset, loadRunDataset, sourceName, withAbsolutePaths, withFirstImages } from '../../data/dataset.js'
import { imageShape } from '../../data/images.js'
import { writeFileAtomic } from '../../files/files.js'
import { methodOf } from '../../methods/list.js'
import { createLearner } from '../../methods/method.js'
import { describeReading } from '../../methods/reading.js'
import { type Claim, claimFolder, isFree } from '../../runs/claim.js'
import { runFolder } from '../../runs/directory.js'
import { removeLeftovers } from '../../runs/leftovers.js'
import { grouped, text, UsageError } from '../../settings/setting.js'
import { type Context, command, type Result } from '../command.js'
import { type LogPxName, logPxName } from '../estimates.js'
import { openAndSay, withThreads } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { checkpointsOption } from '../shell-quote.js'
import { showReading } from '../show-reading.js'
import { compareFile, readCompareFile } from './compare-file.js'
import { choicesOf, type PlannedRun, planRuns, runsToMake } from './compare-plan.js'
import { csv, describeTable } from './compare-report.js'
import { byMethod, type RunResult } from './compare-results.js'
import {
  type CompareSettings,
  comparePresets,
  compareSettings,
  type Reference,
  readCompareSettings,
  resolveSettings,
  resumeSettings,
} from './compare-settings.js'
import { type Finished, makeRun } from './compared-run.js'
import { remainingTime } from './remaining-time.js'
import { contestantNames, labelOf } from './variants.js'

export const compare = command({
  name: 'compare',
  summary: 'trains several methods on one budget',
  options: {
    run: grouped(
      'run',
      text(
        [
          'name of the comparison',
          'Name of the comparison, whose results are in checkpoints/RUN/compare.csv, .json, .svg and .png. Its runs are RUN.METHOD-SIZE.seed-N.',
        ],
        { placeholder: 'run', unset: 'the first unused PRESET-N' },
      ),
    ),
    ...compareSettings,
    methods: { ...compareSettings.methods, choices: contestantNames },
  },
  finishesOnInterrupt: true,
  switches: {
    resume: {
      description: 'continue where it stopped, bit for bit; --seeds, --methods and --epochs may add more',
      group: 'run',
    },
  },
  examples: [
    'compare',
    'compare --methods vae,wake-sleep --seeds 1,2,3 --epochs 5',
    'compare --run mixtures --preset mixtures --components 10,50 --epochs 5',
    'compare --preset figure-2 --latent-dim 3,10 --images-seen 500000',
    'compare --preset figure-3 --methods vae,wake-sleep',
    'compare --methods factor-analysis:10,gaussian-mixture:20',
    'compare --run mixtures --resume --seeds 1,2,3',
  ],
  async run({ given: { run, ...given }, values, switches }, outer) {
    const context = notingOnce(outer)
    const resume = switches.resume === true
    if (resume && run == null) throw new UsageError('--resume: name the comparison with --run')
    const named = run == null ? undefined : runFolder(context.checkpoints, run)
    const asked = withThreads(
      named && resume ? resumeSettings(readCompareSettings(named), given) : resolveSettings(given),
    )
    const settings = { ...asked, ...withAbsolutePaths(asked) }
    if (named && !resume) requireFree(named, 'settings.json')
    const bar = progressBar('images', context)
    const data = await loadRunDataset(
      { ...settings, trainImages: null, validationImages: null },
      { signal: context.signal, onReading: showReading(bar) },
    ).finally(() => bar.stop())
    requireTestImages(settings, data)
    const prefix = values.preset === 'default' ? 'compare' : values.preset
    const claim = claimFolder(context.checkpoints, { run: run ?? null, prefix, work: 'is making this comparison' })
    try {
      return await compareIn(claim, { settings, data, resume }, context)
    } catch (error) {
      // A comparison that never began leaves nothing behind.
      if (!existsSync(join(claim.folder, 'settings.json'))) claim.discard()
      throw error
    } finally {
      claim.release()
    }
  },
})

interface Asked {
  settings: CompareSettings
  data: Dataset
  resume: boolean
}

async function compareIn(
  { name, folder }: Claim,
  { settings, data, resume }: Asked,
  context: Context,
): Promise<Result> {
  const runs = planRuns(name, settings, data.train.count)
  for (const { config } of runs) withFirstImages(data, config)
  if (!resume) {
    requireFree(folder, 'settings.json')
    for (const planned of runs) requireFree(runFolder(context.checkpoints, planned.name), 'config.json')
  }
  removeLeftovers(folder)
  const { device } = await openAndSay(settings.backend, settings.threads, context)
  requirePossible(runs, data, device)
  writeFileAtomic(join(folder, 'settings.json'), `${JSON.stringify(settings, null, 2)}\n`)
  return compareRuns({ name, folder, settings, runs, data }, context)
}

interface Comparison {
  name: string
  folder: string
  settings: CompareSettings
  runs: readonly PlannedRun[]
  data: Dataset
}

/** Trains and measures all missing runs; updates the files after each. */
async function compareRuns(comparison: Comparison, context: Context): Promise<Result> {
  const { name, folder, settings, runs, data } = comparison
  const choices = choicesOf(runs)
  const budget = runs.map(({ config, variant }) => config.epochs * (variant.trainImages ?? data.train.count))
  context.note(
    `comparison ${name}: ${runsToMake(choices).flat().length} runs of ${Math.max(...budget).toLocaleString('en')} images each`,
  )
  const known = readRows(folder, data.sha256, context)
  const rows: RunResult[] = []
  const remaining = remainingTime(choices)
  const quiet = { ...context, print: () => {} }
  for (const [i, choice] of choices.entries()) {
    const job = { comparison: name, data, settings, known }
    const done = await makeRun(chosen(choice, rows), job, quiet).catch(interruptedOrThrow)
    if (done === 'interrupted') return conclude(comparison, rows, context, true)
    rows.push(done.result)
    saveRows(comparison, rows)
    const time = i + 1 < choices.length ? remaining.after(choice, done.seconds) : ''
    context.note(`${i + 1} of ${choices.length}: ${describe(done, nameOf(settings))}${time}`)
  }
  return conclude(comparison, rows, context, false)
}

/** An interruption while the images of a run were read is one of the comparison, whose rows so far are kept. */
function interruptedOrThrow(error: Error): 'interrupted' {
  if (error.name === 'AbortError') return 'interrupted'
  throw error
}

/** The runs to train of a group: all seeds use the learning rate that was chosen on the first. */
function chosen(choice: readonly PlannedRun[], rows: readonly RunResult[]): readonly PlannedRun[] {
  const row = rows.find(({ label }) => choice[0] && label === labelOf(choice[0].variant))
  return row ? choice.filter(({ learningRate }) => learningRate === row.learningRate) : choice
}

async function conclude(
  comparison: Comparison,
  rows: RunResult[],
  context: Context,
  interrupted: boolean,
): Promise<Result> {
  const { name, folder, settings, runs } = comparison
  if (rows.length > 0) {
    await draw(comparison, rows)
    for (const line of describeTable(rows, referencesOf(settings), context.columns, nameOf(settings)))
      context.print(line)
    context.print(`saved in ${folder}: compare.csv, compare.json, compare.svg, compare.png`)
  }
  if (interrupted) {
    const elsewhere = checkpointsOption(context.checkpoints)
    const finished = `finished ${rows.length} of ${choicesOf(runs).length} rows`
    context.note(`interrupted: ${finished}; continue with: elbo compare --run ${name} --resume${elsewhere}`)
  }
  return { json: { ...document(comparison, rows), interrupted }, interrupted }
}

/** All models of a comparison are conditional, or none is. */
const nameOf = ({ condition }: CompareSettings): LogPxName => logPxName({ conditional: condition === 'label' })

/** Published log p(x), which no log p(x|y) can be compared with. */
const referencesOf = ({ preset, condition }: CompareSettings): readonly Reference[] =>
  condition === 'label' ? [] : comparePresets[preset].references

function describe({ result: { run, validationBound, testLogPx } }: Finished, logPx: LogPxName): string {
  return `${run}: validation bound ${validationBound.mean.toFixed(2)}, test ${logPx} ${testLogPx.mean.toFixed(2)}`
}

/** The content of compare.json. */
const document = ({ name, settings, data }: Comparison, rows: RunResult[]) => ({
  run: name,
  settings,
  sha256: data.sha256,
  rows,
  methods: byMethod(rows),
  references: comparePresets[settings.preset].references,
})

/** Writes all results so far. */
function saveRows(comparison: Comparison, rows: RunResult[]): void {
  writeFileAtomic(join(comparison.folder, 'compare.json'), compareFile(document(comparison, rows)))
  writeFileAtomic(join(comparison.folder, 'compare.csv'), csv(rows))
}

async function draw({ name, folder, settings, runs }: Comparison, rows: RunResult[]): Promise<void> {
  const [{ compareChart }, { svgToPng }] = await Promise.all([
    import('./compare-chart.js'),
    import('../../plots/svg-to-png.js'),
  ])
  const { config } = runs[0] as PlannedRun // all runs read images in the same way
  const read = describeReading(methodOf(config).traits(config).reads)
  const images = `Validation: ${rows[0]?.validationBound.count.toLocaleString('en')} images`
  const seeds = settings.seeds.length === 1 ? `Seed ${settings.seeds}` : `Mean over seeds ${settings.seeds.join(', ')}`
  const given = settings.condition === 'label' ? ', given the labels' : ''
  const subtitle = `${sourceName(settings.data)}, ${read}${given}. ${images}. ${seeds}.`
  const svg = compareChart(name, subtitle, rows, referencesOf(settings))
  writeFileAtomic(join(folder, 'compare.svg'), svg)
  writeFileAtomic(join(folder, 'compare.png'), svgToPng(svg))
}

/** The rows that an earlier session measured on the same images. */
function readRows(folder: string, sha256: string, { note }: Context): readonly RunResult[] {
  const path = join(folder, 'compare.json')
  if (!existsSync(path)) return []
  const saved = readCompareFile(path)
  if (saved === undefined) note(`${path}: has no digest, an older version wrote it; its runs are measured again`)
  return saved?.sha256 === sha256 ? saved.rows : []
}

/** Throws a `UsageError` for a folder in which something has begun; `first` is the file that is written there first. */
function requireFree(folder: string, first: string): void {
  if (!isFree(folder, first))
    throw new UsageError(`${folder} already exists: continue the comparison with --resume, or choose another --run`)
}

function requireTestImages({ testImages }: CompareSettings, { test }: Dataset): void {
  if (testImages !== null && testImages > test.count)
    throw new UsageError(`--test-images ${testImages}: there are only ${test.count} test images`)
}

/** Creates the learner of every kind of run once, so that impossible settings are refused before training starts. */
function requirePossible(runs: readonly PlannedRun[], { train, ...size }: Dataset, device: string): void {
  for (const { config, seed } of runs) {
    if (seed !== runs[0]?.seed) continue
    const shape = { ...imageShape(size), images: config.trainImages ?? train.count }
    createLearner(methodOf(config), config, shape, device).dispose()
  }
}

/** Prints each note only once, because all runs use one backend. */
function notingOnce(context: Context): Context {
  const noted = new Set<string>()
  const note = (line: string) => {
    if (!noted.has(line)) context.note(line)
    noted.add(line)
  }
  return { ...context, note }
}
