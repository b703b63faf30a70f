/** `elbo export RUN --to FOLDER`: the networks as plain TF.js layers models. */
import { dirname, join } from 'node:path'
import { writeFileAtomic } from '../files/files.js'
import { makeFolder } from '../files/folders.js'
import type { VaeConfig } from '../methods/vae-settings.js'
import { modelsOf, type Vae } from '../models/vae.js'
import { refuseOwnFile } from '../runs/own-files.js'
import { modelFiles } from '../runs/snapshot.js'
import type { TrainedVae } from '../runs/trained-run.js'
import { grouped, text, UsageError } from '../settings/setting.js'
import { command } from './command.js'
import { openVae, runOptions } from './opened-run.js'

export const exportModel = command({
  name: 'export',
  summary: 'exports encoder and decoder as TF.js layers models',
  argument: 'run',
  options: {
    to: grouped(
      'output',
      text([
        'folder for encoder/ and decoder/',
        'Output folder for encoder/ and decoder/; upper_encoder/ and upper_decoder/ of a model with two latent layers; prior/ of one with a learned prior.',
      ]),
    ),
    ...runOptions,
  },
  examples: ['export first --to web/model', 'export first --to last --snapshot latest'],
  async run({ argument, values }, context) {
    const { to } = values
    if (to === null) throw new UsageError('export: --to FOLDER is missing, the output folder for encoder/ and decoder/')
    refuseOwnFile('--to', to)
    const { trained } = await openVae(argument, values, context)
    const models = modelsOf(trained.vae)
    const files = await modelFiles(models)
    files.set('elbo.json', Buffer.from(`${JSON.stringify(descriptionOf(argument, trained), null, 1)}\n`))
    for (const [name, bytes] of files) {
      const path = join(to, name)
      makeFolder(dirname(path))
      writeFileAtomic(path, bytes)
      context.print(path)
    }
    for (const line of describeNetworks(trained.vae, trained.config as VaeConfig)) context.note(line)
    return { json: { run: argument, files: [...files.keys()].map(name => join(to, name)) } }
  },
})

/** What a program needs beside the networks: the shape of an image, the dimensions of z, and what the outputs mean. */
function descriptionOf(run: string, { vae, config, snapshot }: TrainedVae) {
  const { rows, columns, channels } = vae.image
  const { likelihood } = config as VaeConfig
  return {
    run,
    epoch: snapshot.position.epoch,
    rows,
    columns,
    channels,
    latentDim: vae.latentDim,
    ...priorOf(config as VaeConfig),
    likelihood,
    ...inputsOf(snapshot.data.classes?.names),
    outputs: vae.likelihood.heads.map(({ name }) => name),
    meaning: vae.likelihood.meaning,
  }
}

/** The inputs of the networks in their order; those of a conditional model end with the class, one-hot in the order of `classes`. */
const inputsOf = (classes: readonly string[] | undefined) =>
  classes ? { classes, inputs: { encoder: ['image', 'label'], decoder: ['z', 'label'] } } : {}

/** A learned prior, for those who sample: how p(z) follows from the outputs of prior/ at one-hot components. */
function priorOf({ prior, priorComponents }: VaeConfig) {
  if (prior === undefined || prior === 'normal') return {}
  return { prior: { name: prior, components: priorComponents, meaning: PRIORS[prior] } }
}

const PRIORS = {
  mixture: 'p(z) = sum_k softmax(logit)_k N(mu_k, diag exp(log_var_k)), of the outputs of prior/ at one-hot k',
  vamp: 'p(z) = mean over k of N(mu, diag exp(log_var)), of the outputs of encoder/ at the image that prior/ outputs at one-hot k',
} as const

/** The inputs and outputs of the networks, one line each. */
function describeNetworks({ pixels, layers, latents, likelihood, decoder, classes }: Vae, config: VaeConfig): string[] {
  const { prior } = priorOf(config)
  const [latentDim, upperLatentDim] = layers
  const z = upperLatentDim === undefined ? 'z' : 'h1'
  const each = (names: readonly string[], size: number | undefined) =>
    `${names.join(' and ')}${names.length > 1 ? ', each' : ''} [batch, ${size}]`
  const outputs = likelihood.heads.map(({ name }, i) => `${name} [batch, ${decoder.outputs[i]?.shape.at(-1)}]`)
  const label = classes === undefined ? '' : ` and label [batch, ${classes}], one-hot,`
  return [
    `encoder: images [batch, ${pixels}] in [0, 1]${label} -> ${each(latents.heads, latentDim)}, of q(${z}|x${label && ', y'})`,
    `decoder: ${z} [batch, ${latentDim}]${label} -> ${outputs.join(' and ')}; ${likelihood.meaning}`,
    ...(prior ? [`prior: one-hot components [batch, ${prior.components}]; ${prior.meaning}`] : []),
    ...(upperLatentDim === undefined
      ? []
      : [
          `upper_encoder: h1 [batch, ${latentDim}] -> mu and log_var, each [batch, ${upperLatentDim}], of q(h2|h1)`,
          `upper_decoder: h2 [batch, ${upperLatentDim}] -> mu and log_var, each [batch, ${latentDim}], of p(h1|h2)`,
        ]),
  ]
}
