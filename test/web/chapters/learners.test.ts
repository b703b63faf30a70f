// The chapters that learn: EM of a mixture in half steps, and the VAE that trains in the page.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { streamKey } from '../../../src/random.js'
import { createLiveVae } from '../../../src/web/chapters/numbers/live-vae.js'
import { createLiveMixture, drawPoints, startAt, truth } from '../../../src/web/chapters/numbers/mixture.js'
import { useBackend } from '../../support/backend.js'

beforeAll(() => useBackend('cpu'))

const points = drawPoints(truth, streamKey(1, 'points'), 60)

/** log p(x | θ) per point, in double precision. */
function logLikelihood({ weights, means, sds }: typeof truth): number {
  const logs = Array.from(points, x =>
    Math.log(
      weights.reduce((sum, weight, k) => {
        const [mean, sd] = [means[k] as number, sds[k] as number]
        return sum + (weight * Math.exp(-(((x - mean) / sd) ** 2) / 2)) / (sd * Math.sqrt(2 * Math.PI))
      }, 0),
    ),
  )
  return logs.reduce((sum, log) => sum + log, 0) / logs.length
}

test('E closes the gap, M raises the bound, and neither lowers log p(x)', async () => {
  const start = startAt(streamKey(1, 'start'), 3)
  const mixture = createLiveMixture(points, start)
  let before = await mixture.logPx()
  expect(before).toBeCloseTo(logLikelihood(start), 5)
  for (let pass = 0; pass < 12; pass++) {
    const e = await mixture.eStep()
    expect(e.elbo).toBe(e.logPx)
    expect(e.logPx).toBeCloseTo(before, 5)
    const m = await mixture.mStep()
    expect(m.logPx).toBeCloseTo(logLikelihood(await mixture.theta()), 4)
    expect(m.elbo).toBeGreaterThanOrEqual((e.elbo ?? 0) - 1e-5)
    expect(m.logPx).toBeGreaterThanOrEqual((m.elbo ?? 0) - 1e-5)
    before = m.logPx
  }
  await expect(mixture.mStep()).rejects.toThrow('an E step comes first')
  mixture.dispose()
})

test('the responsibilities of a point sum to 1, and are proportional to w N(x; m, s²)', async () => {
  const { numTensors } = tf.memory()
  const mixture = createLiveMixture(points, truth)
  await mixture.eStep()
  const r = mixture.responsibilities() ?? new Float32Array()
  points.forEach((x, n) => {
    const joint = truth.weights.map((w, k) => {
      const sd = truth.sds[k] as number
      return (w / sd) * Math.exp(-(((x - (truth.means[k] as number)) / sd) ** 2) / 2)
    })
    const total = joint.reduce((sum, value) => sum + value, 0)
    joint.forEach((value, k) => {
      expect(r[k * points.length + n]).toBeCloseTo(value / total, 4)
    })
  })
  mixture.dispose()
  expect(tf.memory().numTensors).toBe(numTensors)
})

test.each(['discs', 'moons'] as const)(
  'the VAE of %s learns, gives the same numbers again, and frees its tensors',
  async data => {
    const { numTensors } = tf.memory()
    const run = async (steps: number) => {
      const vae = createLiveVae({ data, seed: 1 })
      const first = await vae.bound()
      const during = tf.memory().numTensors
      for (let step = 0; step < steps; step++) await vae.step(0.02)
      expect(tf.memory().numTensors).toBe(during)
      const last = await vae.bound()
      const { means, sds } = await vae.codes()
      expect([means.length, sds.length]).toEqual([400, 400])
      expect((await vae.decoded([0, 0, 1, 1])).length).toBe(2 * vae.images.rows * vae.images.columns)
      vae.dispose()
      return { first, last }
    }
    const { first, last } = await run(15)
    expect(last.step).toBe(15)
    expect(last.elbo.mean).toBeGreaterThan(first.elbo.mean + 3 * (first.elbo.standardError + last.elbo.standardError))
    expect(last.reconstruction - last.kl).toBeCloseTo(last.elbo.mean, 4)
    expect((await run(15)).last).toEqual(last)
    expect(tf.memory().numTensors).toBe(numTensors)
  },
)
