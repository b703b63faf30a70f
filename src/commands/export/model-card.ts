/** The model card of an exported run (Mitchell et al. 2019), as Markdown. */
import { sourceName } from '../../data/dataset.js'
import { describeSize, imageShape } from '../../data/images.js'
import type { RunConfig } from '../../methods/method.js'
import { describeReading } from '../../methods/reading.js'
import { packageVersion } from '../help.js'
import { visible } from '../visible.js'
import { type Numbers, numberRows } from './card-numbers.js'
import type { Exported } from './exported.js'
import { snippetsOf } from './snippets.js'

interface ExportedWithCard extends Exported {
  numbers: Numbers
}

/** The text of README.md. */
export const modelCard = (exported: ExportedWithCard): string =>
  `${[header(exported), pictures, numbersSection(exported), data(exported), files(exported), use(exported), limits(exported), settings(exported)].join('\n\n')}\n`

function header({ run, trained: { method, config, snapshot, vae } }: ExportedWithCard): string {
  const { model, prior, bound } = method.traits(config)
  const { epoch, step } = snapshot.position
  return `---
tags:
- variational-autoencoder
- tfjs
---

# ${run}

A variational autoencoder of images of ${describeSize(vae.image)}: ${model}. ${describeCondition(config)}The prior of z is ${prior},
p(x|z) is ${likelihoodOf(config)}, and training maximised the ${bound.name}. These are the weights after ${epoch} ${epoch === 1 ? 'epoch' : 'epochs'} (${step} steps).
Trained and exported by [elbo](https://www.npmjs.com/package/elbo) ${packageVersion()}.`
}

/** Settings that only some runs have. */
type Known = RunConfig & { likelihood?: string; condition?: string | null }

const likelihoodOf = (config: Known): string => config.likelihood ?? 'bernoulli'

const describeCondition = ({ condition }: Known): string =>
  condition == null || condition === 'none' ? '' : `Encoder and decoder are given the ${condition} of an image. `

const pictures = `![Images from the prior](samples.png)

*Mean images of p(x|z) for draws of z from the prior; their z are in samples.json.*

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

function files({ trained: { vae }, savedModel, onnx }: ExportedWithCard): string {
  const rows = [
    ['`encoder/`, `decoder/`', 'TF.js layers models'],
    ...(savedModel ? [['`saved_model/`', 'TensorFlow SavedModel with a signature for each network']] : []),
    ...(onnx ? [['`onnx/`', 'ONNX models, operator set 13']] : []),
    ['`weights.safetensors`', 'all weights, `network/layer/kernel` and `network/layer/bias`'],
    ['`elbo.json`', 'sizes, and what the outputs mean'],
    ['`samples.json`', 'the z of samples.png, row by row'],
  ]
  return `## Files

| | |
|---|---|
${rows.map(cells => `| ${cells.join(' | ')} |`).join('\n')}

The encoder takes images [batch, ${vae.pixels}] with values in [0, 1], row by row${vae.image.channels > 1 ? ', the channels of a pixel together' : ''}. Of the
decoder's outputs, ${vae.likelihood.meaning}.`
}

const use = (exported: ExportedWithCard): string =>
  `## Use\n\nRun these in this folder.\n\n${snippetsOf(exported)
    .map(({ heading, language, code }) => `### ${heading}\n\n\`\`\`${language}\n${code}\n\`\`\``)
    .join('\n\n')}`

function limits({ trained: { method, config } }: ExportedWithCard): string {
  const caution = method.priorCaution?.(config)
  return `## Limits

- Images unlike the training images are encoded and reconstructed too, and nothing warns of it.
- log p(x) is no test of belonging to the training images: simpler images of another kind can have a higher one
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
