/** `fit`: a model of one's own images in one call, without files. */
import { createHash } from 'node:crypto'
import * as tf from '#tfjs'
import { type Classes, classesOfLabels, type LabelValues, namesOf, requireSome } from '../data/classes.js'
import type { Dataset, Split } from '../data/dataset.js'
import { digestOf } from '../data/digest.js'
import { gatherImages, type ImageSet, type Images, imageShape } from '../data/images.js'
import { IN_MEMORY } from '../data/sources/open-source.js'
import type { ReadOptions } from '../data/sources/reader.js'
import type { BernoulliMixtureConfig } from '../methods/bernoulli-mixture.js'
import type { DecoderConfig } from '../methods/decoder.js'
import type { FactorAnalysisConfig } from '../methods/factor-analysis.js'
import type { GaussianMixtureConfig } from '../methods/gaussian-mixture.js'
import { methodOf } from '../methods/list.js'
import { createLearner, type Learner, type Method, type RunConfig, resolveRun } from '../methods/method.js'
import type { EpochMetrics } from '../methods/metrics.js'
import { readSettings } from '../methods/run-settings.js'
import { type PresetName, presets } from '../methods/vae-presets.js'
import type { VaeConfig } from '../methods/vae-settings.js'
import { permutation, streamKey } from '../random.js'
import { type Kept, keepInFolder, keepInMemory, type State, stateOf } from '../runs/keeper.js'
import { startOfRun } from '../runs/metrics-file.js'
import { trainLearner } from '../runs/train.js'
import { lastPass } from '../runs/trained-run.js'
import type { TrainingProgress } from '../runs/training.js'
import { openedBackend } from './backend.js'
import { type ImageValues, readImages } from './image-values.js'
import { requireNoRun } from './load.js'
import { type FittedModel, type FittedVae, fittedModel, fittedVae, type Parts } from './model.js'
import { asLibraryError, inWordsOfTheLibrary } from './settings.js'

/** What does not depend on the model. */
export interface FitOptions {
  /**
   * The share of the images that is held out to choose the best epoch, or images of one's own for that; 1/6 if left out. With 0 all images
   * train, and the model is that of the last epoch.
   */
  readonly validation?: number | ImageValues
  /** With `condition: 'label'`: the label of each image, a whole number from 0 or a name. */
  readonly labels?: LabelValues
  /** Those of the images of `validation`. */
  readonly validationLabels?: LabelValues
  /** Left out, it is the backend that is open, or else the fastest that runs here. */
  readonly backend?: string
  readonly onEpoch?: (metrics: EpochMetrics) => void
  readonly onProgress?: (progress: TrainingProgress) => void
  /** Stops training after the steps in flight: the model is that of the best epoch so far. */
  readonly signal?: AbortSignal
}

/** Settings of a run that have no meaning without files. */
export type FileSetting =
  | 'data'
  | 'trainImages'
  | 'validationImages'
  | 'validation'
  | 'backend'
  | 'imagesEvery'
  | 'initFrom'
  | 'model'
  | keyof ReadOptions

/** The settings of a model; those left out have the defaults of the command line. */
export type FitSettings<C> = Partial<Omit<C, FileSetting>>

/** The settings of `elbo train`, by the names of config.json. */
export type VaeFit = FitOptions & FitSettings<VaeConfig> & { readonly preset?: PresetName; readonly model?: undefined }

/** The settings of `elbo em MODEL`. */
export type EmFit = FitOptions &
  (
    | ({ readonly model: 'bernoulli-mixture' } & FitSettings<BernoulliMixtureConfig>)
    | ({ readonly model: 'gaussian-mixture' } & FitSettings<GaussianMixtureConfig>)
    | ({ readonly model: 'factor-analysis' | 'ppca' } & FitSettings<FactorAnalysisConfig>)
    | ({ readonly model: 'vae' } & FitSettings<DecoderConfig>)
  )

/**
 * Fits a model to images: a VAE, or with `model` one of `elbo em`. The images are shuffled by the seed before some of them are held out.
 * Throws an Error of one line if a setting or the images are not what they should be, or if the bound is not finite.
 *
 * @example
 * const images = { data: new Float32Array(600 * 8 * 8).map((_, i) => (i % 3) / 2), shape: [600, 8, 8] }
 * const model = await fit(images, { latentDim: 2, hidden: [32], epochs: 2 })
 * const { data, shape } = await model.sample(16) // values in [0, 1]
 * console.log(data.length, shape) // 1024 [ 16, 8, 8 ]
 * const { values } = await model.logProb(images, { samples: 10 }) // nats per image
 * console.log(values.length) // 600
 * await model.save('checkpoints/mine')
 * const labels = Array.from({ length: 600 }, (_, i) => (i % 2 ? 'odd' : 'even'))
 * const conditional = await fit(images, { condition: 'label', labels, latentDim: 2, hidden: [32], epochs: 2 })
 * console.log((await conditional.sample(5, { label: 'odd' })).labels) // [ 'odd', 'odd', 'odd', 'odd', 'odd' ]
 */
export async function fit(images: ImageValues, options: EmFit): Promise<FittedModel>
export async function fit(images: ImageValues, options?: VaeFit): Promise<FittedVae>
export async function fit(images: ImageValues, options: VaeFit | EmFit = {}): Promise<FittedModel> {
  const {
    validation = 1 / 6,
    labels,
    validationLabels,
    backend: name,
    onEpoch,
    onProgress,
    signal,
    ...settings
  } = options
  const backend = await openedBackend(name)
  const { method, config } = inWordsOfTheLibrary('fit', () => resolveFit(settings, backend.name))
  const labelled = labelledBy(config, labels, validationLabels)
  const data = await datasetOf(images, validation, config.seed, labelled)
  const shape = { ...data, images: data.train.count }
  const learner = inWordsOfTheLibrary('fit', () => createLearner(method, config, shape, backend.device))
  const kept = {
    config: { ...config, validation: validation === 0 ? 'none' : 'last-sixth' } as RunConfig,
    method,
    learner,
    data,
  }
  const memory = keepInMemory()
  const observer = {
    ...(onEpoch && { epoch: (metrics: EpochMetrics) => onEpoch(metrics) }),
    ...(onProgress && { progress: onProgress }),
  }
  const workplace = { learner, data, keeper: () => memory, owned: [] }
  const { position, history } = await trainLearner({ config: kept.config, backend, signal, observer }, workplace).catch(
    (error: unknown) => {
      throw asLibraryError('fit', error)
    },
  )
  const latest = await stateOf(learner.variables, position)
  const states = { latest, best: memory.best() ?? latest, history }
  assign(learner, states.best)
  learner.startPass?.(lastPass(states.best.position))
  return modelOf({ ...kept, data: withoutPixels(data) }, states)
}

/** The images are not needed any more. */
function withoutPixels(data: Dataset): Dataset {
  const empty = (split: Split): Split => ({ ...split, pixels: new Uint8Array() })
  return { ...data, train: empty(data.train), validation: empty(data.validation) }
}

interface States {
  latest: State
  best: State
  history: EpochMetrics[]
}

function modelOf(kept: Kept, states: States): FittedModel {
  const parts: Parts = {
    ...kept,
    image: imageShape(kept.data),
    classes: kept.data.classes?.names,
    history: states.history,
    save: folder => saveRun(folder, kept, states),
  }
  return fittedVae(parts) ?? fittedModel(parts)
}

function resolveFit(given: object, backend: string): { method: Method; config: RunConfig } {
  const { preset, ...settings } = given as { preset?: string; model?: string }
  const method = methodOf(settings)
  const wrong = OF_FILES.find(name => name in settings)
  if (wrong !== undefined) throw new Error(`fit: ${wrong} is a setting of runs in files; leave it out`)
  const base = preset === undefined ? {} : presetOf(preset, method)
  const checked = method.settings.parse(JSON.stringify({ ...base, ...settings }), 'fit')
  return { method, config: resolveRun(method, checked, { data: IN_MEMORY, backend }) }
}

const OF_FILES: readonly Exclude<FileSetting, 'model' | 'backend' | 'validation'>[] = [
  'data',
  'trainImages',
  'validationImages',
  'imagesEvery',
  'initFrom',
  ...(Object.keys(readSettings) as (keyof ReadOptions)[]),
]

function presetOf(name: string, method: Method): object {
  const preset = presets[name as PresetName]
  if (method.command !== 'train') throw new Error(`fit: preset ${name} is one of VAEs; leave it out`)
  if (!Object.hasOwn(presets, name))
    throw new Error(`fit: there is no preset '${name}'; use one of ${Object.keys(presets).join(', ')}`)
  return preset.config
}

/** Labels of a conditional model: those of the images and those of the caller's validation images. */
interface Labelled {
  names: readonly string[]
  labels: LabelValues
  validation: LabelValues | undefined
}

/** Undefined for a model that reads no labels. Throws an Error if labels are missing, or have no effect. */
function labelledBy(
  { condition }: RunConfig,
  labels: LabelValues | undefined,
  validation: LabelValues | undefined,
): Labelled | undefined {
  if (condition !== 'label') {
    if (labels === undefined && validation === undefined) return undefined
    throw new Error("fit: labels have no effect without condition: 'label'; leave one of the two out")
  }
  if (labels === undefined) throw new Error("fit: condition: 'label' needs labels, one for each image")
  const names = namesOf(labels)
  inWordsOfTheLibrary('fit', () => requireSome(names, 'labels'))
  return { names, labels, validation }
}

async function datasetOf(
  values: ImageValues,
  validation: FitOptions['validation'],
  seed: number,
  labelled: Labelled | undefined,
): Promise<Dataset> {
  const all = withLabels('labels', await readImages('images', values), labelled?.labels, labelled)
  const parts =
    typeof validation === 'number'
      ? held(all, validation, seed)
      : { train: all, validation: await validationImages(validation as ImageValues, all, labelled) }
  const split = (name: Split['name'], images: ImageSet): Split => ({ name, ...images })
  const sha256 = await digestOf([parts.train, parts.validation])
  return {
    source: IN_MEMORY,
    ...imageShape(all),
    train: split('train', parts.train),
    validation: split('validation', parts.validation),
    test: split('test', { ...imageShape(all), count: 0, pixels: new Uint8Array() }),
    sha256,
    ...(labelled && { classes: classesOf(labelled.names, Object.values(parts)) }),
    warnings: [],
  }
}

const withLabels = (what: string, images: Images, labels: LabelValues | undefined, labelled: Labelled | undefined) =>
  labelled ? { ...images, classes: classesOfLabels(`fit: ${what}`, labels, images.count, labelled.names) } : images

const validationImages = async (values: ImageValues, all: ImageSet, labelled: Labelled | undefined) =>
  withLabels('validationLabels', await readImages('validation', values, all), labelled?.validation, labelled)

function classesOf(names: readonly string[], parts: readonly ImageSet[]): Classes {
  const hash = createHash('sha256').update(JSON.stringify(names))
  for (const { classes = new Uint8Array() } of parts) hash.update(classes)
  return { names, sha256: hash.digest('hex') }
}

/** Holds out a share of the images, in a seeded order. */
function held(images: ImageSet, share: number, seed: number): { train: ImageSet; validation: ImageSet } {
  if (!(share >= 0 && share < 1))
    throw new Error(`fit: validation is ${share}; a share from 0 to below 1, or images, was expected`)
  const count = Math.floor(images.count * share)
  if (share > 0 && count === 0)
    throw new Error(
      `fit: ${images.count} images are too few to hold out ${share.toPrecision(2)} of them; set validation: 0, or give validation images`,
    )
  const order = permutation(streamKey(seed, 'held out'), images.count)
  const trained = images.count - count
  return { train: gatherImages(images, order, 0, trained), validation: gatherImages(images, order, trained) }
}

function assign({ variables, restored }: Learner, { values }: State): void {
  for (const [name, variable] of variables)
    tf.tidy(() => variable.assign(tf.tensor(values.get(name) as Float32Array, variable.shape, 'float32')))
  restored?.()
}

async function saveRun(folder: string, kept: Kept, { latest, best, history }: States): Promise<void> {
  requireNoRun(folder)
  const keeper = keepInFolder(folder, { resume: false, isLocked: false })
  try {
    keeper.begin(kept, startOfRun())
    for (const metrics of history) keeper.append(metrics)
    await keeper.save(kept, best.position, true)
    if (latest.position.step > best.position.step) {
      assign(kept.learner, latest)
      await keeper.save(kept, latest.position, false)
      assign(kept.learner, best)
    }
  } finally {
    keeper.close()
  }
}
