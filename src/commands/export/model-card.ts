/** The model card of an exported run (Mitchell et al. 2019), as Markdown. */
import { sourceName } from '../../data/dataset.js'
import { describeSize, imageShape } from '../../data/images.js'
import type { RunConfig } from '../../methods/method.js'
import { describeReading } from '../../methods/reading.js'
import type { TrainedVae } from '../../runs/trained-run.js'
import { packageVersion } from '../help.js'
import { visible } from '../visible.js'
import { type Numbers, numberRows } from './card-numbers.js'
import type { Exported } from './exported.js'
import { PRIOR_FILE } from './exported-prior.js'
import { snippetsOf } from './snippets.js'

interface ExportedWithCard extends Exported {
  numbers: Numbers
}

/** The text of README.md. */
export const modelCard = (exported: ExportedWithCard): string =>
  `${[header(exported), pictures(exported), numbersSection(exported), data(exported), files(exported), use(exported), limits(exported), settings(exported)].join('\n\n')}\n`

function header({ run, trained }: ExportedWithCard): string {
  const { method, config, snapshot, vae } = trained
  const { model, prior, bound } = method.traits(config)
  const { epoch, step } = snapshot.position
  return `---
tags:
- variational-autoencoder
- tfjs
---

# ${run}

A variational autoencoder of images of ${describeSize(vae.image)}: ${model}. ${describeCondition(trained)}The prior of z is ${prior},
p(x|z${vae.classes === undefined ? '' : ', y'}) is ${likelihoodOf(config)}, and training maximised the ${bound.name}. These are the weights after ${epoch} ${epoch === 1 ? 'epoch' : 'epochs'} (${step} steps).
Trained and exported by [elbo](https://www.npmjs.com/package/elbo) ${packageVersion()}.`
}

/** A setting that only some runs have. */
type Known = RunConfig & { likelihood?: string }

const likelihoodOf = (config: Known): string => config.likelihood ?? 'bernoulli'

/** The names of the classes of a conditional model. */
const classesOf = ({ snapshot }: TrainedVae): readonly string[] | undefined => snapshot.data.classes?.names

function describeCondition(trained: TrainedVae): string {
  const names = classesOf(trained)
  if (names === undefined) return ''
  return `Encoder and decoder are given the class y of an image, one of ${names.length}: it is a model of p(x|y). `
}

const pictures = ({ trained: { vae } }: ExportedWithCard): string => `![Images from the prior](samples.png)

*${
  vae.classes === undefined
    ? 'Mean images of p(x|z) for draws of z from the prior; their z are in samples.json.'
    : 'Mean images of p(x|z, y): a column for each class, the same z in a row; z and classes are in samples.json.'
}*

![Test images and their reconstructions](reconstructions.png)

*Test images: the original, what the model read, and its reconstruction.*`

function numbersSection({ numbers }: ExportedWithCard): string {
  const rows = numberRows(numbers).map(cells => `| ${cells.join(' | ')} |`)
  return `## Numbers

On ${numbers.images} test images of ${code(numbers.source)}; ± is one standard error of the mean over images.

| | value | ± | unit | how |
|---|---|---|---|---|
${rows.join('\n')}

Compare them only with numbers of the same images, read in the same way.`
}

function data({ trained: { method, config, snapshot } }: ExportedWithCard): string {
  const { source, sha256, images } = snapshot.data
  return `## Data

${images} training images of ${describeSize(imageShape(snapshot.data))} of ${code(sourceName(source))}, ${describeReading(method.traits(config).reads)}. SHA-256 of the
levels of all images: \`${sha256}\`.`
}

function files({ trained, savedModel, onnx }: ExportedWithCard): string {
  const { vae } = trained
  const rows = [
    ['`encoder/`, `decoder/`', 'TF.js layers models'],
    ...(savedModel ? [['`saved_model/`', 'TensorFlow SavedModel with a signature for each network']] : []),
    ...(onnx ? [['`onnx/`', 'ONNX models, operator set 13']] : []),
    ['`weights.safetensors`', 'all weights, `network/layer/kernel` and `network/layer/bias`'],
    [
      '`elbo.json`',
      vae.classes === undefined
        ? 'sizes, and what the outputs mean'
        : 'sizes, classes, inputs, and what the outputs mean',
    ],
    ...(vae.latents.prior.components
      ? [[`\`prior/\`, \`${PRIOR_FILE}\``, 'the learned prior, as a network and as its Gaussians']]
      : []),
    [
      '`samples.json`',
      vae.classes === undefined
        ? 'the z of samples.png, row by row'
        : 'the z of samples.png, row by row, and the number of the class, `label`',
    ],
  ]
  return `## Files

| | |
|---|---|
${rows.map(cells => `| ${cells.join(' | ')} |`).join('\n')}

The encoder takes images [batch, ${vae.pixels}] with values in [0, 1], row by row${vae.image.channels > 1 ? ', the channels of a pixel together' : ''}. Of the
decoder's outputs, ${vae.likelihood.meaning}.${describeInputs(trained)}`
}

/** The second input of a conditional model. */
function describeInputs(trained: TrainedVae): string {
  const names = classesOf(trained)
  if (names === undefined) return ''
  const areNumbers = names.every((name, i) => name === String(i))
  const listed = areNumbers ? `0 to ${names.length - 1}` : names.map((name, i) => `${i} ${code(name)}`).join(', ')
  return `

Encoder and decoder have two inputs: the images or z, and then the class, \`label\` [batch, ${names.length}], which is 1 at the number of the class and 0 elsewhere.
The classes: ${listed}.`
}

const use = (exported: ExportedWithCard): string =>
  `## Use\n\n${describePrior(exported)} Run these in this folder.\n\n${snippetsOf(exported)
    .map(({ heading, language, code }) => `### ${heading}\n\n\`\`\`${language}\n${code}\n\`\`\``)
    .join('\n\n')}`

/** How to draw z. */
function describePrior({ trained: { vae } }: ExportedWithCard): string {
  const { latents, layers, latentDim } = vae
  if (layers.length > 1)
    return 'For new images draw h2 from N(0, I), then h1 from N(mu, exp(log_var)) of `upper_decoder` at h2, and decode h1.'
  if (latents.prior.components)
    return `For new images draw z from the Gaussians of \`${PRIOR_FILE}\`: \`weight\` [K], \`mean\` and \`variance\` [K, ${latentDim}].`
  if (!latents.reparameterized) return `For new images draw each of the ${latentDim} z as 0 or 1 with probability 1/2.`
  return `For new images draw z from N(0, I): ${latentDim} independent standard normal numbers.`
}

function limits({ trained: { method, config, vae } }: ExportedWithCard): string {
  const caution = method.priorCaution?.(config)
  return `## Limits

- Images unlike the training images are encoded and reconstructed too, and nothing warns of it.
- ${vae.classes === undefined ? 'log p(x)' : 'log p(x|y)'} is no test of belonging to the training images: simpler images of another kind can have a higher one
  ([Nalisnick et al. 2019](https://arxiv.org/abs/1810.09136)).
- Samples follow the training images, with whatever these lack or overrepresent.${caution === undefined ? '' : `\n- ${caution}`}`
}

/** Settings of the machine, which do not belong to the model. */
const OF_THE_MACHINE = ['backend', 'compile', 'threads', 'imagesEvery']

function settings({ trained: { config } }: ExportedWithCard): string {
  const shown = Object.entries({ ...config, data: sourceName(config.data) }).filter(
    ([name, value]) => value !== null && !OF_THE_MACHINE.includes(name),
  )
  return `## Settings\n\n\`\`\`json\n${JSON.stringify(Object.fromEntries(shown), null, 1)}\n\`\`\``
}

/** Text of others between backticks. */
const code = (text: string): string => `\`${visible(text).replaceAll('`', "'")}\``
