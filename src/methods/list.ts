/** The list of all methods, and the method of a run. */
import { parseJson } from '../settings/json.js'
import { shortened, UsageError } from '../settings/setting.js'
import { bernoulliMixture } from './bernoulli-mixture.js'
import { decoder } from './decoder.js'
import { factorAnalysis, ppca } from './factor-analysis.js'
import { gaussianMixture } from './gaussian-mixture.js'
import type { Method, RunConfig } from './method.js'
import { vae } from './vae.js'

/** The methods of `elbo em`, in the order in which help lists them. */
export const emMethods: readonly Method[] = [bernoulliMixture, gaussianMixture, factorAnalysis, ppca, decoder]

export const methods: readonly Method[] = [vae, ...emMethods]

/** The method of a run. config.json of an EM run names its model; that of a VAE names none. */
export function methodOf({ model }: { model?: unknown }): Method {
  if (model === undefined) return vae
  const method = emMethods.find(({ name }) => name === model)
  if (method) return method
  throw new UsageError(
    `model: ${shortened(JSON.stringify(model))} was given; one of ${emMethods.map(({ name }) => name).join(', ')} was expected`,
  )
}

/** The settings in the text of a config.json, checked and complete; `where` is its path, for error messages. */
export function parseRunConfig(json: string, where: string): RunConfig {
  const { settings } = methodNamedIn(json, where)
  return settings.complete(settings.parse(json, where), where)
}

function methodNamedIn(json: string, where: string): Method {
  let given: unknown
  try {
    given = parseJson(json)
  } catch {
    return vae // its parser reports the syntax error
  }
  try {
    return methodOf(Object(given) as { model?: unknown })
  } catch (error) {
    throw new UsageError(`${where}: ${(error as Error).message}`)
  }
}
