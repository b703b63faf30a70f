/** How a run can be measured: each estimator is a value with its own options; the list of them is in estimators.ts. */
import type { modes } from '../../compile/step.js'
import { splitNames } from '../../data/dataset.js'
import type { TrainedRun } from '../../runs/trained-run.js'
import { choice, type Settings, text, type Values, wholeNumberOrOff } from '../../settings/setting.js'
import type { Context, Result } from '../command.js'

/** A run that is open, and what every estimator is told. */
export interface OpenedForEvaluation {
  /** Its name. */
  run: string
  trained: TrainedRun
  /** Which of its snapshots. */
  snapshot: string
  /** Decides the noise. */
  seed: number
  mode: (typeof modes)[number]
  /** Whether published numbers are to be printed beside the result. */
  reference: boolean
  context: Context
}

/** Options that choose images. */
export const imageOptions = {
  images: wholeNumberOrOff(
    'measure only the first N images of the split; --method ais takes --chains x --temperatures HMC transitions for each: begin with a few',
  ),
  split: choice(splitNames, 'test', 'which images'),
  data: text('other images than those of the run'),
}

export const saveOption = {
  save: text('safetensors file for the images x as the model reads them, and the values of every image'),
}

/** Values of those options. */
export type ImageValues = Values<typeof imageOptions>

export interface Estimator<O extends Settings = Settings> {
  readonly name: string
  /** How a user asks for it, such as `--method ais`. */
  readonly flag: string
  /** The options that it reads, beside those that all estimators read. */
  readonly options: O
  /** Whether published numbers can stand beside its result. */
  readonly comparable: boolean
  /** Why it cannot measure this run, in one line with what would be right; undefined if it can. `given` are the options that were given. */
  refuse(run: TrainedRun, given: Partial<Values<O>>): string | undefined
  /** Measures, prints, and returns the JSON document. Throws a `UsageError` for values that do not fit the run. */
  measure(opened: OpenedForEvaluation, values: Values<O>): Promise<Result>
}

/** Keeps the types of an estimator's options. */
export const estimator = <const O extends Settings>(definition: Estimator<O>): Estimator<O> => definition

/** The usual refusal of estimators that draw z from q(z|x). */
export const refuseWithoutEncoder = ({ learner, method }: TrainedRun, flag: string): string | undefined =>
  learner.vae
    ? undefined
    : `${flag}: needs an encoder, and this run of \`elbo ${method.command}\` has none; leave it out`
