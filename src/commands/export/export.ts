/** `elbo export RUN --to FOLDER`: the networks for other programs, and what these need to know. */
import { dirname, join } from 'node:path'
import * as tf from '#tfjs'
import { onnxBytes } from '../../compile/program/onnx.js'
import { savedModelBytes } from '../../compile/program/saved-model.js'
import { alternateImages, firstImages, inMemory } from '../../data/images.js'
import { writeFileAtomic } from '../../files/files.js'
import { makeFolder } from '../../files/folders.js'
import { encodeSafetensors } from '../../files/safetensors.js'
import type { Picture } from '../../methods/pictures.js'
import type { VaeConfig } from '../../methods/vae-settings.js'
import { modelsOf, namedWeights, type Vae } from '../../models/vae.js'
import { imageGrid } from '../../plots/image-grid.js'
import { streamKey } from '../../random.js'
import { refuseOwnFile } from '../../runs/own-files.js'
import { modelFiles, readValues } from '../../runs/snapshot.js'
import type { TrainedVae } from '../../runs/trained-run.js'
import {
  grouped,
  inGroup,
  text,
  UsageError,
  type Values,
  wholeNumber,
  wholeNumberOrOff,
} from '../../settings/setting.js'
import { type Context, command } from '../command.js'
import { evaluatedSplit, openVae, runImages, runOptions } from '../opened-run.js'
import { measureNumbers } from './card-numbers.js'
import type { Exported } from './exported.js'
import { learnedPrior, PRIOR_FILE, priorFile } from './exported-prior.js'
import { modelCard } from './model-card.js'
import { networkPrograms } from './network-programs.js'

const options = {
  to: grouped(
    'output',
    text([
      'folder for encoder/ and decoder/',
      'Output folder for encoder/ and decoder/; upper_encoder/ and upper_decoder/ of a model with two latent layers; prior/ of one with a learned prior.',
    ]),
  ),
  ...inGroup('measurement', {
    samples: wholeNumber([1, 1e5], 100, 'model card: draws of z per image'),
    images: wholeNumberOrOff('model card: measure the first n test images'),
  }),
  ...runOptions,
}

export const exportModel = command({
  name: 'export',
  summary: 'exports the networks for TF.js, TensorFlow and ONNX',
  argument: 'run',
  options,
  switches: {
    savedModel: { description: 'also a TensorFlow SavedModel, in saved_model/', group: 'output' },
    onnx: { description: 'also ONNX models, in onnx/', group: 'output' },
    modelCard: {
      description: 'also README.md with numbers, pictures and how to load it, and weights.safetensors',
      group: 'output',
    },
  },
  finishesOnInterrupt: true,
  examples: [
    'export first --to web/model',
    'export first --to last --snapshot latest',
    'export first --to published --model-card --saved-model --onnx',
  ],
  async run({ argument, values, given, switches }, context) {
    const { to } = values
    if (to === null) throw new UsageError('export: --to FOLDER is missing, the output folder for encoder/ and decoder/')
    refuseOwnFile('--to', to)
    const hasCard = switches.modelCard === true
    refuseWithoutCard(given, hasCard)
    const { trained } = await openVae(argument, values, context)
    const exported: Exported = {
      run: argument,
      trained,
      savedModel: switches.savedModel === true,
      onnx: switches.onnx === true,
    }
    const files = await networkFiles(exported)
    const card = hasCard ? await cardFiles(exported, values, context) : new Map<string, Uint8Array>()
    if (card === undefined) return { json: { run: argument, interrupted: true }, interrupted: true }
    const all = new Map([...files, ...card])
    for (const [name, bytes] of all) {
      const path = join(to, name)
      makeFolder(dirname(path))
      writeFileAtomic(path, bytes)
      context.print(path)
    }
    for (const line of describeNetworks(trained.vae, trained.config as VaeConfig)) context.note(line)
    return { json: { run: argument, files: [...all.keys()].map(name => join(to, name)) } }
  },
})

/** Throws a `UsageError` if an option of the model card is given without it. */
function refuseWithoutCard(given: Partial<Values<typeof options>>, hasCard: boolean): void {
  const option = (['samples', 'images'] as const).find(name => given[name] !== undefined)
  if (option && !hasCard) throw new UsageError(`--${option}: only a model card has numbers; add --model-card`)
}

/** The networks in every format that is asked for, and their description. */
async function networkFiles({ run, trained, savedModel, onnx }: Exported): Promise<Map<string, Uint8Array>> {
  const files = await modelFiles(modelsOf(trained.vae))
  files.set('elbo.json', Buffer.from(`${JSON.stringify(descriptionOf(run, trained), null, 1)}\n`))
  const prior = await priorFile(trained.vae)
  if (prior) files.set(PRIOR_FILE, prior)
  if (!savedModel && !onnx) return files
  const programs = networkPrograms(trained.vae)
  if (savedModel) files.set('saved_model/saved_model.pb', savedModelBytes(programs))
  if (onnx) for (const [name, program] of programs) files.set(`onnx/${name}.onnx`, onnxBytes(program, name))
  return files
}

/** Images of each picture of a card. */
const [SAMPLED, RECONSTRUCTED] = [64, 20]

/** The model card and what it refers to. Undefined if it was interrupted. */
async function cardFiles(
  exported: Exported,
  values: Values<typeof options>,
  context: Context,
): Promise<Map<string, Uint8Array> | undefined> {
  const { trained, run } = exported
  const { test, source } = await runImages(trained)
  const numbers = await measureNumbers(trained, { test, source }, values, context)
  if (numbers === undefined) {
    context.note('interrupted before all images were measured: nothing is exported')
    return undefined
  }
  const { pictures } = trained.learner
  const { samples, columns } = await drawnSamples(trained)
  const grey = inMemory(firstImages(test, RECONSTRUCTED))
  const seen = inMemory(firstImages(evaluatedSplit(trained, test), RECONSTRUCTED))
  const reconstructed = await pictures.reconstruct(seen)
  const layout = { columns: Math.min(grey.count, 5) * 3, groupColumns: 3 }
  const tensors = await readValues(
    new Map(
      [...modelsOf(trained.vae)].flatMap(([name, model]) =>
        namedWeights(model).map(([weight, variable]) => [`${name}/${weight}`, variable] as const),
      ),
    ),
  )
  const z = await decoderInputs(trained.vae, samples)
  return new Map<string, Uint8Array>([
    ['README.md', Buffer.from(modelCard({ ...exported, numbers }))],
    ['samples.png', imageGrid(samples, columns === undefined ? {} : { columns })],
    [
      'samples.json',
      Buffer.from(`${JSON.stringify({ z, ...(samples.classes && { label: [...samples.classes] }) })}\n`),
    ],
    ['reconstructions.png', imageGrid(alternateImages([grey, seen, reconstructed]), layout)],
    ['weights.safetensors', encodeSafetensors({ tensors, metadata: { run } })],
  ])
}

/** Images from the prior; those of a conditional model have a column for each class. */
async function drawnSamples({ learner: { pictures }, vae: { classes } }: TrainedVae) {
  const key = streamKey(1, 'sample')
  if (classes === undefined || !pictures.byClass) return { samples: await pictures.sample(key, SAMPLED) }
  return { samples: await pictures.byClass(key, Math.ceil(SAMPLED / classes)), columns: classes }
}

/** The part of each z of a picture that the decoder takes. */
async function decoderInputs({ latents }: Vae, { z }: Picture): Promise<number[][]> {
  const inputs = tf.tidy(() => latents.decoded(tf.tensor2d(z)))
  const rows = (await inputs.array()) as number[][]
  inputs.dispose()
  return rows
}

/** What a program needs beside the networks: the shape of an image, the dimensions of z, and what the outputs mean. */
function descriptionOf(run: string, { vae, config, snapshot }: TrainedVae) {
  const { rows, columns, channels } = vae.image
  const { likelihood } = config as VaeConfig
  const prior = learnedPrior(config as VaeConfig)
  return {
    run,
    epoch: snapshot.position.epoch,
    rows,
    columns,
    channels,
    latentDim: vae.latentDim,
    ...(prior && { prior }),
    likelihood,
    ...inputsOf(snapshot.data.classes?.names),
    outputs: vae.likelihood.heads.map(({ name }) => name),
    meaning: vae.likelihood.meaning,
  }
}

/** The inputs of the networks in their order; those of a conditional model end with the class, one-hot in the order of `classes`. */
const inputsOf = (classes: readonly string[] | undefined) =>
  classes ? { classes, inputs: { encoder: ['image', 'label'], decoder: ['z', 'label'] } } : {}

/** The inputs and outputs of the networks, one line each. */
function describeNetworks({ pixels, layers, latents, likelihood, decoder, classes }: Vae, config: VaeConfig): string[] {
  const prior = learnedPrior(config)
  const [latentDim, upperLatentDim] = layers
  const z = upperLatentDim === undefined ? 'z' : 'h1'
  const each = (names: readonly string[], size: number | undefined) =>
    `${names.join(' and ')}${names.length > 1 ? ', each' : ''} [batch, ${size}]`
  const outputs = likelihood.heads.map(({ name }, i) => `${name} [batch, ${decoder.outputs[i]?.shape.at(-1)}]`)
  const label = classes === undefined ? '' : ` and label [batch, ${classes}], one-hot,`
  return [
    `encoder: images [batch, ${pixels}] in [0, 1]${label} -> ${each(latents.heads, latentDim)}, of q(${z}|x${label && ', y'})`,
    `decoder: ${z} [batch, ${latentDim}]${label} -> ${outputs.join(' and ')}; ${likelihood.meaning}`,
    ...(prior
      ? [`prior: one-hot components [batch, ${prior.components}]; ${prior.meaning}; ${PRIOR_FILE} has these Gaussians`]
      : []),
    ...(upperLatentDim === undefined
      ? []
      : [
          `upper_encoder: h1 [batch, ${latentDim}] -> mu and log_var, each [batch, ${upperLatentDim}], of q(h2|h1)`,
          `upper_decoder: h2 [batch, ${upperLatentDim}] -> mu and log_var, each [batch, ${latentDim}], of p(h1|h2)`,
        ]),
  ]
}
