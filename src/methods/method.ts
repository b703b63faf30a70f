/**
 * A method is one value: its name, its settings, which of them go together, and what learns. The rest of the program asks a `Method` and
 * the `Learner` that it makes, and never which method it is. A new method is one file here and one entry in list.ts.
 */
import type * as tf from '@tensorflow/tfjs'
import type { modes, ScanOptions } from '../compile/step.js'
import type { readings } from '../data/binarize.js'
import type { Dataset, Split } from '../data/dataset.js'
import type { GivenShape } from '../data/images.js'
import type { Bounds } from '../evaluation/bound.js'
import type { Algorithm } from '../inference/algorithm.js'
import type { Vae } from '../models/vae.js'
import type { Annealer, AnnealingEffort } from '../sampling/anneal-images.js'
import { type Settings, UsageError } from '../settings/setting.js'
import type { DeepReadonly, SettingsTable } from '../settings/table.js'
import type { Contestant } from './contestant.js'
import type { EndOfRun, Progress } from './metrics.js'
import type { Pictures } from './pictures.js'

/** The settings that every run has, whatever its method. config.json holds these and the method's own. */
export interface RunConfig {
  /** Of methods of `elbo em`: their name. */
  model?: string
  /** Passes over the training images, in all. */
  epochs: number
  /** Images per step. */
  batchSize: number
  seed: number
  data: string
  /** Learn from the first so many training images only; null: from all. Likewise for validation. */
  trainImages: number | null
  validationImages: number | null
  /** Which training images are held out for validation; left out: the last sixth. */
  validation?: 'last-sixth' | 'none'
  backend: string
  compile: (typeof modes)[number]
  threads: number | null
  /** Epochs between pictures. */
  imagesEvery: number
  /** The run whose weights this one begins with, as RUN@STEP; null or left out: none. */
  initFrom?: string | null
}

/** What the settings of a run decide before anything is computed. */
export interface Traits {
  /** How the model reads grey pixels: a Bernoulli draw, the threshold 0.5, or as grey values in [0, 1]. */
  reads: (typeof readings)[number]
  bound: {
    /** Of the bound that training raises, such as `ELBO`. */
    name: string
    /** Whether the bound is log p(x) itself. */
    exact: boolean
  }
  /** The model and its sizes, such as `vae 400-400-32 elu`. */
  model: string
  /** What z is drawn from, such as `N(0, I)`. */
  prior: string
  /**
   * `shuffled`: each pass sees the training images in an order of its own, and leaves out what fills no batch. `whole`: each pass sees all
   * of them in the same order, and ends in an update (the M step).
   */
  passes: 'shuffled' | 'whole'
}

/** Numbers of a step that follow a schedule. */
export interface Rates {
  learningRate: number
  /** Weight of the KL term in what is maximised. */
  beta: number
}

/** The images that a learner is made for. */
export type TrainingShape = GivenShape & {
  /** How many there are to learn from. */
  images: number
}

/** One way to fit one kind of model. `C` holds its settings. */
export interface Method<C extends RunConfig = RunConfig> {
  /** As the command line and config.json name it. */
  readonly name: string
  /** The command that makes such runs and resumes them: `train`, or `em NAME`. */
  readonly command: string
  readonly summary: string
  /** Command lines for `--help`. */
  readonly examples: readonly string[]
  /** Its settings, in the order in which `--help` shows them. */
  readonly flags: Settings
  /** The same as config.json holds them. */
  readonly settings: SettingsTable<C>
  /** Why these settings do not go together, in one line with the remedy; undefined if they do. */
  conflicts(config: C): string | undefined
  traits(config: C): Traits
  /** Depends on the step alone, never on how many epochs are to come. */
  rates(config: C, step: number, stepsPerPass: number): Rates
  /** Why a run ends before its last epoch; undefined if it goes on. */
  finished(config: C, progress: Progress): 'early' | 'converged' | undefined
  /** A line about how the run ended, where there is something to say. */
  describeEnd(config: C, end: EndOfRun): string | undefined
  /** The model and what learns it, with all variables, not yet initialized. */
  create(config: C, shape: TrainingShape): Learner
  /** The names under which `compare` has it take part. */
  readonly contestants?: Readonly<Record<string, Contestant<C>>>
}

/** What learns in one run. Its step, its variables and its networks are those of an `Algorithm`. */
export interface Learner extends Algorithm {
  /** As snapshots name it. */
  readonly algorithm: string
  readonly pictures: Pictures
  /** Free parameters of the model; of networks, those of the encoder too. */
  readonly parameters: number
  /** Encoder and decoder, where the model has both. */
  readonly vae?: Vae
  /** Finds the bound of images; compiled once. */
  bounds(how: ScanOptions): Bounds
  /** So many validation images are measured after each pass; left out: all. */
  readonly validationImages?: number
  /** Estimates log p(x) without an encoder, where that is the only way; without `effort` as much is done as after each pass. */
  annealer?(how: ScanOptions, effort?: AnnealingEffort): Annealer
  /** Gives the state that the run starts from, which its seed decides. `images()` are those of a whole pass, as the model reads them. */
  initialize(data: Dataset, images: () => Split): Promise<void>
  /** Those of the algorithm, and the learner's own. */
  readonly variables: Map<string, tf.Variable>
  /** Variables that snapshots of older versions lack. A run that began without one keeps its first value, and its snapshots stay without it. */
  readonly addedVariables?: readonly string[]
  /** To be called once `variables` have been brought back. */
  restored?(): void
}

/** Keeps the types of a method's own settings while it is defined, and forgets them for the list of all methods. */
export const defineMethod = <C extends RunConfig>(method: Method<C>): Method<C> => method

/** The settings of a new run: defaults, and `sources`, of which later ones win. Throws a `UsageError` if they do not go together. */
export function resolveRun<C extends RunConfig>(method: Method<C>, ...sources: DeepReadonly<Partial<C>>[]): C {
  const config = method.settings.resolve(...sources)
  const conflict = method.conflicts(config)
  if (conflict !== undefined) throw new UsageError(conflict)
  return config
}
