/** The networks of a run in the page: built by the program's own code, with the weights of the run's layers models. */
import * as tf from '#tfjs'
import type { ModelOf } from '../../explore/protocol.js'
import { createVae, modelsOf, type Vae } from '../../models/vae.js'
import { path } from '../api.js'
import type { Context } from '../view.js'

/** A VAE that can compute, and what is known of it. */
export interface LoadedModel {
  readonly vae: Vae
  readonly about: ModelOf
  /** Whether KL(q(z_j|x) || p(z_j)) has a closed form. */
  readonly hasKl: boolean
}

let held: { key: string; model: Promise<LoadedModel> } | undefined

/** Loads the model of a run, or gives the one that is loaded; a model before it is freed. Throws an Error if the run has none. */
export async function openModel(context: Context, run: string): Promise<LoadedModel> {
  const about = await context.api.get<ModelOf>(path('runs', run, 'model.json'))
  const key = `${run} ${about.label}`
  if (held?.key === key) return held.model
  held?.model.then(({ vae }) => vae.dispose()).catch(() => undefined)
  const model = load(context, about)
  held = { key, model }
  model.catch(() => {
    if (held?.key === key) held = undefined
  })
  return model
}

async function load(context: Context, about: ModelOf): Promise<LoadedModel> {
  await context.compute()
  const vae = createVae(about.options)
  for (const [name, model] of modelsOf(vae)) {
    if (!about.networks.includes(name))
      throw new Error(`run ${about.name}: its snapshot ${about.label} has no network ${name}`)
    const url = context.api.url(path('runs', about.name, 'networks', about.label, name, 'model.json'))
    const stored = await tf.loadLayersModel(url).catch(error => {
      throw new Error(`run ${about.name}: its network ${name} cannot be read: ${(error as Error).message}`)
    })
    model.setWeights(stored.getWeights())
    stored.dispose()
  }
  return { vae, about, hasKl: vae.latents.exactKl }
}

/** The values of tensors, which are freed. */
export async function valuesOf(...tensors: tf.Tensor[]): Promise<Float32Array[]> {
  const values = await Promise.all(tensors.map(tensor => tensor.data<'float32'>()))
  tf.dispose(tensors)
  return values
}

/** Lets the page draw and answer. */
export const nextFrame = (): Promise<void> => new Promise(done => setTimeout(done, 0))
