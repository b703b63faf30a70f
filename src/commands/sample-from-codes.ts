/**
 * `sample --from codes`: draws of z from a mixture of Gaussians that is fitted to the codes of the training images (Ghosh et al. 2020, section 4).
 * Of a conditional model it is one mixture for each class that is drawn, fitted to the codes of its images.
 */
import * as tf from '#tfjs'
import type { Split } from '../data/dataset.js'
import { encodeImages, vaeCodes } from '../evaluation/codes.js'
import { fitRows, meanLogProb } from '../inference/mixtures/fit-rows.js'
import { decodeGrid, type Picture } from '../methods/pictures.js'
import { drawGaussians } from '../models/mixtures/gaussian-draws.js'
import type { Vae } from '../models/vae.js'
import type { Estimate } from '../numeric/means.js'
import { type HostKey, keyAt, streamKey } from '../random.js'
import type { TrainedRun } from '../runs/trained-run.js'
import { UsageError } from '../settings/setting.js'
import type { Context } from './command.js'
import { describeError } from './estimates.js'
import { evaluatedSplit, orThrow, refuseDiscrete, runImages } from './opened-run.js'
import { progressBar } from './progress-bar.js'

/** What was fitted, for the JSON document; log-likelihoods are means over codes in nats. */
export interface FittedToCodes {
  components: number
  /** The name of the class of a conditional model; absent: all images. */
  class?: string
  codes: number
  passes: number
  converged: boolean
  logLikelihood: Estimate
  /** Of the codes of the validation images, to which nothing was fitted; absent if there are none. */
  validationLogLikelihood?: Estimate
}

interface FromCodes {
  /** Gaussians of a mixture. */
  components: number
  /** Images; of a conditional model those of each class. */
  count: number
  seed: number
  /** The numbers of the classes to draw, of a conditional model. */
  classes?: readonly number[]
}

/**
 * Mean images of `count` draws of z from a mixture of Gaussians; of a conditional model row by row, an image of each class in turn. Throws a
 * `UsageError` if the run has no encoder, or binary z.
 */
export async function sampleFromCodes(
  trained: TrainedRun,
  { components, count, seed, classes }: FromCodes,
  context: Context,
): Promise<{ picture: Picture; fits: FittedToCodes[] }> {
  const { vae } = trained.learner
  if (!vae) throw new UsageError(`--from codes: needs a run of \`elbo train\`; leave it out`)
  orThrow(refuseDiscrete(vae, '--from codes'))
  const data = await runImages(trained)
  const train = await codesOf(trained, vae, data.train, context)
  const held = data.validation.count > 0 ? await codesOf(trained, vae, data.validation, context) : undefined
  const key = streamKey(seed, 'codes')
  const names = trained.snapshot.data.classes?.names
  const fits: FittedToCodes[] = []
  const drawn: number[][][] = []
  for (const number of classes ?? [undefined]) {
    const name = number === undefined ? undefined : (names?.[number] ?? String(number))
    const keyOfClass = number === undefined ? key : keyAt(streamKey(seed, 'codes by class'), number)
    const found = await fitAndDraw(train, held, { components, count, key: keyOfClass, number, name }, context)
    for (const line of describe(found.fit)) context.print(line)
    fits.push(found.fit)
    drawn.push(found.z)
  }
  const z = Array.from({ length: count }, (_, i) => drawn.map(ofClass => ofClass[i] as number[])).flat()
  const numbers = classes && Uint8Array.from(z, (_, i) => classes[i % classes.length] as number)
  return { picture: await decodeGrid(vae, z, numbers), fits }
}

interface Fitting {
  components: number
  count: number
  key: HostKey
  /** The class whose codes are fitted; undefined: all. */
  number: number | undefined
  name: string | undefined
}

/** Fits a mixture to the codes of a class, or to all, and draws from it. */
async function fitAndDraw(
  train: Codes,
  held: Codes | undefined,
  { components, count, key, number, name }: Fitting,
  context: Context,
): Promise<{ fit: FittedToCodes; z: number[][] }> {
  const rows = rowsOf(train, number)
  if (rows.shape[0] < components) {
    const of = name === undefined ? '' : ` of class ${name}`
    throw new UsageError(
      `--components ${components}: there are only ${rows.shape[0]} training images${of}; use --components ${Math.max(1, rows.shape[0])}`,
    )
  }
  const heldRows = held && rowsOf(held, number)
  const bar = progressBar('passes', context)
  const of = name === undefined ? '' : `, class ${name}`
  const onPass = (pass: number) => bar.update(pass, pass, `EM of ${components} Gaussians${of}`)
  const { mixture, ...done } = await fitRows(rows, { components, key: keyAt(key, 0), onPass }).finally(() => bar.stop())
  const fit = {
    components,
    ...(name !== undefined && { class: name }),
    codes: rows.shape[0],
    ...done,
    logLikelihood: await meanLogProb(mixture, rows),
    ...(heldRows && heldRows.shape[0] > 0 && { validationLogLikelihood: await meanLogProb(mixture, heldRows) }),
  }
  const z = await drawGaussians(mixture, keyAt(key, 1), count)
  mixture.dispose()
  tf.dispose([rows, ...(heldRows ? [heldRows] : [])])
  return { fit, z }
}

/** The codes of a split, E_q[z] of each image: rows of `width` numbers, and the class of each of a conditional model. */
interface Codes {
  values: Float32Array
  width: number
  classes: Uint8Array | undefined
}

/** The codes of one class, or all: [images, width]. */
function rowsOf({ values, width, classes }: Codes, number: number | undefined): tf.Tensor2D {
  const isIn = (i: number) => number === undefined || classes?.[i] === number
  const rows = Array.from({ length: values.length / width }, (_, i) => i).filter(isIn)
  const chosen = new Float32Array(rows.length * width)
  rows.forEach((row, i) => void chosen.set(values.subarray(row * width, (row + 1) * width), i * width))
  return tf.tensor2d(chosen, [rows.length, width])
}

async function codesOf(trained: TrainedRun, vae: Vae, split: Split, context: Context): Promise<Codes> {
  const images = evaluatedSplit(trained, split)
  const width = vae.latentDim
  const values = new Float32Array(images.count * width)
  const bar = progressBar('images', context)
  const options = {
    mode: trained.config.compile,
    samples: 1,
    key: CODES_KEY,
    onProgress: (done: number) => bar.update(done, images.count, `codes of the ${split.name} images`),
  }
  await encodeImages(vaeCodes(vae), images, options, ({ mean }, from) => {
    if (mean) values.set(mean as Float32Array, from * width)
  }).finally(() => bar.stop())
  return { values, width, classes: images.classes }
}

/** Of the noise of means that have no closed form (two latent layers). */
const CODES_KEY: HostKey = streamKey(0, 'codes of sample')

function describe(fit: FittedToCodes): string[] {
  const { components, codes, passes, converged, logLikelihood, validationLogLikelihood: held } = fit
  const end = converged ? 'converged' : 'stopped before it converged'
  const value = ({ mean, standardError }: Estimate) =>
    `${mean.toFixed(3)} ± ${describeError(standardError, 3)} nats per code`
  const of = fit.class === undefined ? '' : ` of class ${fit.class}`
  return [
    `EM of ${components} Gaussians on the codes of ${codes} training images${of}: ${passes} passes, ${end}`,
    `log-likelihood ${value(logLikelihood)}${held ? `; of the ${held.count} validation images ${value(held)}` : ''}`,
  ]
}
