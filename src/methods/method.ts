/**
 * A method is one value: its name, its settings, the conflicts between them, and how to create its learner. The rest of the program uses
 * a `Method` and its `Learner` and never asks which method it is. A new method is one file here and one entry in list.ts.
 */
import type * as tf from '#tfjs'
import type { modes, Precision, ScanOptions } from '../compile/step.js'
import type { readings } from '../data/binarize.js'
import type { Classes } from '../data/classes.js'
import type { Dataset, Split, SplitSettings } from '../data/dataset.js'
import type { GivenShape } from '../data/images.js'
import type { ReadOptions } from '../data/sources/reader.js'
import type { Bounds } from '../evaluation/bound.js'
import type { Encoding } from '../evaluation/codes.js'
import type { Algorithm } from '../inference/algorithm.js'
import type { Vae } from '../models/vae.js'
import type { Annealer, AnnealingEffort } from '../sampling/anneal-images.js'
import { type GroupedSettings, UsageError } from '../settings/setting.js'
import type { DeepReadonly, SettingsTable } from '../settings/table.js'
import type { Contestant } from './contestant.js'
import { type MemoryNeed, requireMemory } from './memory.js'
import type { EndOfRun, Progress } from './metrics.js'
import type { Pictures } from './pictures.js'

/** The settings common to all methods. config.json holds these and the method's own. */
export interface RunConfig extends Partial<ReadOptions>, SplitSettings {
  /** Name of the method, for methods of `elbo em`. */
  model?: string
  /** Total number of passes over the training images. */
  epochs: number
  /** Images per step. */
  batchSize: number
  seed: number
  data: string
  /** Number of training images to use, counted from the first; null: all. Likewise for validation. */
  trainImages: number | null
  validationImages: number | null
  backend: string
  compile: (typeof modes)[number]
  /** Of the matrix products of training; absent: float32. */
  precision?: Precision
  threads: number | null
  /** Processes that train together; absent: this one alone. */
  workers?: number
  /** Epochs between pictures. */
  imagesEvery: number
  /** The run that provides the initial weights, as RUN@STEP; null or absent: none. */
  initFrom?: string | null
  /** What the model reads beside an image: nothing, or its label. Absent: nothing. */
  condition?: 'none' | 'label'
}

/** Properties of a run that follow from its settings alone. */
export interface Traits {
  /** How the model reads levels: as Bernoulli draws, thresholded at 0.5, or as values in [0, 1]. */
  reads: (typeof readings)[number]
  bound: {
    /** Name of the bound that training maximises, such as `ELBO`. */
    name: string
    /** Whether the bound is log p(x) itself. */
    exact: boolean
  }
  /** The model and its sizes, such as `vae 400-400-32 elu`. */
  model: string
  /** The distribution of z, such as `N(0, I)`. */
  prior: string
  /**
   * `shuffled`: each pass visits the training images in a new order and drops the last incomplete batch. `whole`: each pass visits all of
   * them in the same order and ends with an update (the M step).
   */
  passes: 'shuffled' | 'whole'
  /** Whether the model is one of p(x|y), of images x given their labels y. Absent: it is one of p(x). */
  conditional?: boolean
}

/** The values of a step that follow a schedule. */
export interface Rates {
  learningRate: number
  /** Weight of the KL term in the objective. */
  beta: number
}

/** Shape and number of the training images. */
export type TrainingShape = GivenShape & {
  /** Number of training images. */
  images: number
  /** The classes of a conditional model. */
  classes?: Pick<Classes, 'names'>
}

/** One way to fit one kind of model. `C` holds its settings. */
export interface Method<C extends RunConfig = RunConfig> {
  /** Name on the command line and in config.json. */
  readonly name: string
  /** The command that starts and resumes its runs: `train`, or `em NAME`. */
  readonly command: string
  readonly summary: string
  /** Command lines for `--help`. */
  readonly examples: readonly string[]
  /** Its settings, in the order of config.json. */
  readonly flags: GroupedSettings
  /** The table of all settings in config.json. */
  readonly settings: SettingsTable<C>
  /** The first conflict between settings, in one line with the remedy; undefined if there is none. */
  conflicts(config: C): string | undefined
  traits(config: C): Traits
  /** Depends on the step alone, never on the number of epochs. */
  rates(config: C, step: number, stepsPerPass: number): Rates
  /** Why a run ends before its last epoch; undefined if it continues. */
  finished(config: C, progress: Progress): 'early' | 'converged' | 'fallen' | undefined
  /** What a user should know of these settings before the run starts, one line each; absent: nothing. */
  cautions?(config: C): readonly string[]
  /** Why draws from the prior show nothing of what was learned, in one line; absent or undefined: they do. */
  priorCaution?(config: C): string | undefined
  /** Whether the bound after pass `epoch` may choose the best snapshot. Until it may, the latest snapshot is the best. Absent: always. */
  choosesBest?(config: C, epoch: number): boolean
  /** A line that says how the run ended; undefined if there is nothing to add. */
  describeEnd(config: C, end: EndOfRun): string | undefined
  /** What `create` and a step need of memory, a lower bound; nothing is made. */
  memory(config: C, shape: TrainingShape): readonly MemoryNeed[]
  /** Creates the model and the algorithm that trains it; the variables are not yet initialized. */
  create(config: C, shape: TrainingShape): Learner
  /** Its entries in `compare`, by name. */
  readonly contestants?: Readonly<Record<string, Contestant<C>>>
}

/** A model and the algorithm that trains it. `Algorithm` declares its step, variables and networks. */
export interface Learner extends Algorithm {
  /** Name in snapshots. */
  readonly algorithm: string
  readonly pictures: Pictures
  /** Number of free parameters, those of an encoder included. */
  readonly parameters: number
  /** Encoder and decoder, where the model has both. */
  readonly vae?: Vae
  /** The codes of images; absent if nothing but sampling gives them. */
  readonly codes?: Encoding
  /** Measures the bound of images; compiled once. */
  bounds(options: ScanOptions): Bounds
  /** Number of validation images measured after each pass; absent: all. */
  readonly validationImages?: number
  /** Estimates log p(x) by annealing, for models that need it; the default `effort` is that of validation after a pass. */
  annealer?(options: ScanOptions, effort?: AnnealingEffort): Annealer
  /** Sets the initial state, which depends on the seed. `images()` returns all training images as the model reads them. */
  initialize(data: Dataset, images: () => Split): Promise<void>
  /** Those of the algorithm, and the learner's own. */
  readonly variables: Map<string, tf.Variable>
  /** How older versions stored the state, if differently. */
  readonly older?: OlderForm
  /** Must be called after `variables` have been restored. */
  restored?(): void
  /** Must be called before the first step of each pass, also of one that is resumed; `epoch`: the passes that have ended before. */
  startPass?(epoch: number): void
}

/** A form in which older versions stored the state of a learner. */
export interface OlderForm {
  /** The name of a variable that their snapshots lack. */
  lack: string
  /** Whether a variable, of today or of then, is not read from such a snapshot: `restored` derives it, or it is a sum of a pass that begins again. */
  renew(name: string): boolean
}

/**
 * Creates the learner of a new or resumed run. Throws a `UsageError` if it needs more memory than the machine has, unless it lives on a GPU;
 * `device` describes what the backend computes on.
 */
export function createLearner(method: Method, config: RunConfig, shape: TrainingShape, device: string): Learner {
  if (device.startsWith('CPU')) requireMemory(method.traits(config).model, method.memory(config, shape))
  return method.create(config, shape)
}

/** Checks a definition against the type of its settings. */
export const defineMethod = <C extends RunConfig>(method: Method<C>): Method<C> => method

/** The settings of a new run: the defaults, overridden by `sources`, of which later ones win. Throws a `UsageError` if settings conflict. */
export function resolveRun<C extends RunConfig>(method: Method<C>, ...sources: DeepReadonly<Partial<C>>[]): C {
  const config = method.settings.resolve(...sources)
  const conflict = method.conflicts(config)
  if (conflict !== undefined) throw new UsageError(conflict)
  return config
}
