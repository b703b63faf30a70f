/**
 * Warm start: a run starts from the weights in the `best` snapshot of another run. `initFrom` is the name of that run, or RUN@STEP with
 * the step of the snapshot.
 */
import type * as tf from '#tfjs'
import { listed } from '../data/classes.js'
import { type Dataset, loadRunDataset } from '../data/dataset.js'
import { describeSize, imageShape } from '../data/images.js'
import type { RunConfig } from '../methods/method.js'
import { type VaeConfig, vaeFlags } from '../methods/vae-settings.js'
import { modelsOf, namedWeights, type Vae } from '../models/vae.js'
import { kebabCase } from '../settings/flag-names.js'
import { UsageError } from '../settings/setting.js'
import { runFolder } from './directory.js'
import type { Snapshot } from './snapshot.js'
import { loadTrainedVae, readRunSnapshot } from './trained-run.js'

/** The settings that determine the networks and the meaning of their outputs. All others may differ between the two runs. */
const networkSettings = [
  'filters',
  'hidden',
  'activation',
  'latentDim',
  'upperLatentDim',
  'upperHidden',
  'latents',
  'prior',
  'priorComponents',
  'likelihood',
  'pixelVariance',
  'condition',
] as const satisfies readonly (keyof VaeConfig)[]

/** RUN of `initFrom` RUN or RUN@STEP. */
export const runOf = (initFrom: string): string => initFrom.replace(/@[0-9]+$/, '')

/** `initFrom` as RUN@STEP, with the step of the `best` snapshot in the run's `folder`. */
export const withStep = (initFrom: string, folder: string): string =>
  atStep(initFrom, folder, readRunSnapshot(folder, 'best').snapshot)

/** `initFrom` as RUN@STEP, with the step of this snapshot. Throws a `UsageError` if it names another step. */
function atStep(initFrom: string, folder: string, { position: { step } }: Snapshot): string {
  const exact = `${runOf(initFrom)}@${step}`
  if (initFrom === exact || initFrom === runOf(initFrom)) return exact
  throw new UsageError(`--init-from ${initFrom}: the best snapshot of ${folder} is at step ${step}`)
}

/**
 * Copies the weights in the `best` snapshot of `initFrom`, a run in the folder `checkpoints`, into the networks of `vae`. Throws a
 * `UsageError` if that run is not a VAE, has other networks, was trained on images that this run validates on, or has its best snapshot
 * at another step. The optimizer and the baseline start as in any new run.
 */
export async function startFrom(
  initFrom: string,
  checkpoints: string,
  vae: Vae,
  config: RunConfig,
  data: Dataset,
): Promise<void> {
  const folder = runFolder(checkpoints, runOf(initFrom))
  const from = loadTrainedVae(folder, 'best')
  try {
    atStep(initFrom, folder, from.snapshot)
    for (const name of networkSettings) {
      const [here, there] = [shown(name, config), shown(name, from.config)]
      if (here !== there)
        throw new UsageError(`--init-from: ${folder} was trained with ${there}, this run has ${here}; use the same`)
    }
    const { sha256, images, classes } = from.snapshot.data
    if (String(classes?.names) !== String(data.classes?.names))
      throw new UsageError(
        `--init-from: ${folder} has the classes ${listed(classes?.names ?? [])}, and this run has ${listed(data.classes?.names ?? [])}`,
      )
    const [there, here] = [describeSize(imageShape(from.snapshot.data)), describeSize(data)]
    if (there !== here)
      throw new UsageError(`--init-from: ${folder} was trained on images of ${there}, this run has ${here}`)
    if (
      sha256 === data.sha256 &&
      images > (await loadRunDataset({ ...config, trainImages: null, validationImages: null })).train.count
    ) {
      throw new UsageError(
        `--init-from: ${folder} was trained on images that this run would be validated on; add --validation ${from.config.validation}`,
      )
    }
    const trained = weightsOf(from.vae)
    for (const [i, variable] of weightsOf(vae).entries()) variable.assign(trained[i] as tf.Variable)
  } finally {
    from.learner.dispose()
  }
}

/** All weights, in an order that depends on the network settings alone. */
const weightsOf = (vae: Vae): tf.Variable[] =>
  [...modelsOf(vae).values()].flatMap(namedWeights).map(([, variable]) => variable)

/** A setting as a flag. */
function shown(name: (typeof networkSettings)[number], config: RunConfig): string {
  const value = (config as Partial<VaeConfig>)[name] ?? vaeFlags[name].value // runs of older versions lack some
  return `--${kebabCase(name)} ${value ?? 'off'}`
}
