// What is said of an image does not depend on which other images are measured with it; and what an estimate must not claim.
import * as tf from '@tensorflow/tfjs'
import { expect, test } from 'vitest'
import { evaluateImportance } from '../../src/commands/evaluate/by-importance.js'
import { firstImages, gatherImages } from '../../src/data/images.js'
import { evaluateVae } from '../../src/evaluation/evaluate-vae.js'
import { measureGaps } from '../../src/evaluation/inference-gaps.js'
import { streamKey } from '../../src/random.js'
import { imagesOf } from '../support/images.js'
import { curvedVae, setWeights, smallVae } from '../support/vae.js'
import { measuringOf } from './measuring.js'

const options = { batchSize: 8, key: streamKey(1, 'test'), mode: 'off' } as const
const images = imagesOf(
  { rows: 2, columns: 2 },
  Uint8Array.from({ length: 4 * 11 }, (_, i) => (i % 3 === 0 ? 255 : 0)),
)

test.each([1, 3, 8, 9])('the first %i of 11 images have the estimates that they have among all', async count => {
  const vae = curvedVae()
  const [all, some] = [
    await evaluateVae(vae, images, 20, options),
    await evaluateVae(vae, firstImages(images, count), 20, options),
  ]
  expect(some?.perImage.logPx).toEqual(all?.perImage.logPx.slice(0, count))
  expect(some?.perImage.elbo).toEqual(all?.perImage.elbo.slice(0, count))
})

test('the ELBOs of an image, of the encoder and of the optimal q, are the same whatever is measured beside it', async () => {
  const vae = curvedVae()
  const elbos = async (...numbers: number[]) => {
    const gaps = await measureGaps(vae, gatherImages(images, numbers), { ...options, samples: 10, steps: 5 })
    return [gaps?.elbo.mean, gaps?.meanFieldElbo.mean] as [number, number]
  }
  const [first, other] = [await elbos(0), await elbos(2)]
  const [withFirst, withOther] = [await elbos(0, 1), await elbos(2, 1)]
  for (const q of [0, 1] as const) expect(2 * withFirst[q] - first[q]).toBeCloseTo(2 * withOther[q] - other[q], 4) // image 1, second
})

test('few draws alone are no reason for a warning: the limit of effective samples follows their number', async () => {
  const { measuring, printed } = measuringOf(smallVae(), images)
  const { json } = await evaluateImportance(measuring, { samples: 9, defensive: 0, save: null })
  expect(json).toMatchObject({ effectiveSamples: { few: 0.9, shareOfFew: 0 } })
  expect(printed.filter(line => line.includes('effective sample size below'))).toEqual([])
})

test('a KL term near 0 is called posterior collapse', async () => {
  const vae = smallVae()
  const heads = ['mu', 'log_var'].flatMap(head => [
    [`${head}/kernel`, tf.zeros([3, 2])],
    [`${head}/bias`, tf.zeros([2])],
  ])
  setWeights(vae.encoder, Object.fromEntries(heads)) // q(z|x) = N(0, I)
  const collapsed = measuringOf(vae, images)
  await evaluateImportance(collapsed.measuring, { samples: 9, defensive: 0, save: null })
  expect(collapsed.printed.some(line => line.includes('posterior collapse'))).toBe(true)
})
