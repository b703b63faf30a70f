/** The interface of an estimator: a value with its own options. The list of estimators is in estimators.ts. */
import type { modes } from '../../compile/step.js'
import { splitNames } from '../../data/dataset.js'
import type { TrainedRun } from '../../runs/trained-run.js'
import { choice, inGroup, type Settings, text, type Values, wholeNumberOrOff } from '../../settings/setting.js'
import type { Context, Result } from '../command.js'
import { dataOption } from '../opened-run.js'

/** An open run, and the options of all estimators. */
export interface OpenedForEvaluation {
  /** Name of the run. */
  run: string
  trained: TrainedRun
  /** Name of the snapshot: `best` or `latest`. */
  snapshot: string
  /** Seed of the noise. */
  seed: number
  mode: (typeof modes)[number]
  /** Whether to print published numbers beside the result. */
  reference: boolean
  context: Context
}

/** Options that choose images. */
export const imageOptions = {
  ...inGroup('data', {
    images: wholeNumberOrOff([
      'the first n images of the split',
      'Use only the first N images of the split. Start with a few for --method ais, which takes --chains x --temperatures HMC transitions per image.',
    ]),
    split: choice(splitNames, 'test', 'split to measure'),
  }),
  data: dataOption,
}

export const saveOption = inGroup('output', {
  save: text([
    'safetensors file for the values of each image',
    'Write the images x, as the model reads them, and the values of each image to this safetensors file.',
  ]),
})

/** The values of `imageOptions`. */
export type ImageValues = Values<typeof imageOptions>

export interface Estimator<O extends Settings = Settings> {
  readonly name: string
  /** How it is chosen on the command line, such as `--method ais`. */
  readonly flag: string
  /** Its options besides those of all estimators. */
  readonly options: O
  /** Whether published numbers are comparable with its result. */
  readonly comparable: boolean
  /** Whether the workers of a cluster divide its images. */
  readonly divides?: true
  /** Why it cannot measure this run, in one line with the remedy; undefined if it can. `given` holds only the options that were given. */
  refuse(run: TrainedRun, given: Partial<Values<O>>): string | undefined
  /** Measures the run, prints the results and returns the JSON document. Throws a `UsageError` for values that do not fit the run. */
  measure(opened: OpenedForEvaluation, values: Values<O>): Promise<Result>
}

/** Infers the types of an estimator's options. */
export const estimator = <const O extends Settings>(definition: Estimator<O>): Estimator<O> => definition

/** The usual refusal of estimators that draw z from q(z|x). */
export const refuseWithoutEncoder = ({ learner, method }: TrainedRun, flag: string): string | undefined =>
  learner.vae
    ? undefined
    : `${flag}: needs an encoder, and this run of \`elbo ${method.command}\` has none; leave it out`
