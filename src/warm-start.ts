/** Warm start: a run begins with the weights that another one ended with. */
import type * as tf from '@tensorflow/tfjs'
import type { Config } from './config.js'
import { modelsOf, namedWeights, type Vae } from './models/vae.js'
import { loadTrainedVae } from './session.js'
import { kebabCase, UsageError } from './settings.js'

/** What decides the networks and what their outputs mean; all else may differ between the two runs. */
const networkSettings = [
  'filters',
  'hidden',
  'activation',
  'latentDim',
  'upperLatentDim',
  'upperHidden',
  'latents',
  'likelihood',
  'pixelVariance',
] as const satisfies readonly (keyof Config)[]

/**
 * Gives the networks of a VAE with these settings, for images of this size, the weights in the `best` snapshot of the run in `folder`.
 * Throws a `UsageError` if that run has other networks or is no VAE. The optimizer and the baseline start as in any new run.
 */
export function startFrom(
  folder: string,
  vae: Vae,
  config: Config,
  { rows, columns }: { rows: number; columns: number },
): void {
  const from = loadTrainedVae(folder, 'best')
  try {
    for (const name of networkSettings) {
      const [here, there] = [shown(name, config), shown(name, from.config)]
      if (here !== there)
        throw new UsageError(`--init-from: ${folder} was trained with ${there}, this run has ${here}; use the same`)
    }
    const { data } = from.snapshot
    if (data.rows !== rows || data.columns !== columns) {
      throw new UsageError(
        `--init-from: ${folder} was trained on images of ${data.rows}x${data.columns} pixels, this run has ${rows}x${columns}`,
      )
    }
    const trained = weightsOf(from.vae)
    for (const [i, variable] of weightsOf(vae).entries()) variable.assign(trained[i] as tf.Variable)
  } finally {
    from.dispose()
  }
}

/** In an order that the settings of the networks decide. */
const weightsOf = (vae: Vae): tf.Variable[] =>
  [...modelsOf(vae).values()].flatMap(namedWeights).map(([, variable]) => variable)

/** A setting as the flag that gives it. */
function shown(name: (typeof networkSettings)[number], config: Config): string {
  return `--${kebabCase(name)} ${config[name] ?? 'off'}`
}
