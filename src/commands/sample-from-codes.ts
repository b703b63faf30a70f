/** `sample --from codes`: draws of z from a mixture of Gaussians that is fitted to the codes of the training images (Ghosh et al. 2020, section 4). */
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
  codes: number
  passes: number
  converged: boolean
  logLikelihood: Estimate
  /** Of the codes of the validation images, to which nothing was fitted; absent if there are none. */
  validationLogLikelihood?: Estimate
}

/** Mean images of `count` draws of z from a mixture of `components` Gaussians. Throws a `UsageError` if the run has no encoder, or binary z. */
export async function sampleFromCodes(
  trained: TrainedRun,
  { components, count, seed }: { components: number; count: number; seed: number },
  context: Context,
): Promise<{ picture: Picture; fit: FittedToCodes }> {
  const { vae } = trained.learner
  if (!vae) throw new UsageError(`--from codes: needs a run of \`elbo train\`; leave it out`)
  orThrow(refuseDiscrete(vae, '--from codes'))
  const data = await runImages(trained)
  const train = await codesOf(trained, vae, data.train, context)
  const held = data.validation.count > 0 ? await codesOf(trained, vae, data.validation, context) : undefined
  const bar = progressBar('passes', context)
  const key = streamKey(seed, 'codes')
  const onPass = (pass: number) => bar.update(pass, pass, `EM of ${components} Gaussians`)
  const { mixture, ...done } = await fitRows(train, { components, key: keyAt(key, 0), onPass }).finally(() =>
    bar.stop(),
  )
  const fit = {
    components,
    codes: train.shape[0],
    ...done,
    logLikelihood: await meanLogProb(mixture, train),
    ...(held && { validationLogLikelihood: await meanLogProb(mixture, held) }),
  }
  const z = await drawGaussians(mixture, keyAt(key, 1), count)
  mixture.dispose()
  tf.dispose([train, ...(held ? [held] : [])])
  for (const line of describe(fit)) context.print(line)
  return { picture: await decodeGrid(vae, z), fit }
}

/** The codes of a split, E_q[z] of each image: [images, latent]. */
async function codesOf(trained: TrainedRun, vae: Vae, split: Split, context: Context): Promise<tf.Tensor2D> {
  const images = evaluatedSplit(trained, split)
  const codes = new Float32Array(images.count * vae.latentDim)
  const bar = progressBar('images', context)
  const options = {
    mode: trained.config.compile,
    samples: 1,
    key: CODES_KEY,
    onProgress: (done: number) => bar.update(done, images.count, `codes of the ${split.name} images`),
  }
  await encodeImages(vaeCodes(vae), images, options, ({ mean }, from) => {
    if (mean) codes.set(mean as Float32Array, from * vae.latentDim)
  }).finally(() => bar.stop())
  return tf.tensor2d(codes, [images.count, vae.latentDim])
}

/** Of the noise of means that have no closed form (two latent layers). */
const CODES_KEY: HostKey = streamKey(0, 'codes of sample')

function describe({
  components,
  codes,
  passes,
  converged,
  logLikelihood,
  validationLogLikelihood,
}: FittedToCodes): string[] {
  const end = converged ? 'converged' : 'stopped before it converged'
  const value = ({ mean, standardError }: Estimate) =>
    `${mean.toFixed(3)} ± ${describeError(standardError, 3)} nats per code`
  const held = validationLogLikelihood
  return [
    `EM of ${components} Gaussians on the codes of ${codes} training images: ${passes} passes, ${end}`,
    `log-likelihood ${value(logLikelihood)}${held ? `; of the ${held.count} validation images ${value(held)}` : ''}`,
  ]
}
