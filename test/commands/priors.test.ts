// A run with a learned prior, as users look at it: every command either follows the prior or says why it cannot.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { priorAxes } from '../../src/evaluation/prior-axes.js'
import { registerFileHandlers } from '../../src/libtensorflow/node-backend.js'
import { loadTrainedVae } from '../../src/runs/trained-run.js'
import { useBackend } from '../support/backend.js'
import { commandLine } from '../support/command-line.js'
import { smallMnist } from '../support/idx-file.js'
import { smallFlags } from './first-run.js'

const line = commandLine()
const { home, checkpoints, json, succeed, refused } = line

beforeAll(() => {
  smallMnist(1200, 120, { folder: join(home, 'small') })
  const prior = ['--prior', 'vamp', '--prior-components', '9', '--kl', 'monte-carlo']
  succeed('train', '--run', 'fits', '--epochs', '2', '--compile', 'off', ...smallFlags, ...prior)
})

test('quadrature and importance sampling agree, and the result names the prior', () => {
  const few = ['--images', '40', '--compile', 'off']
  const grid = json('evaluate', 'fits', '--method', 'quadrature', '--grid', '201', ...few)
  const sampled = json('evaluate', 'fits', '--samples', '500', ...few)
  expect(grid.prior).toBe('a VampPrior of 9 pseudo-inputs')
  expect(Math.abs(grid.logPx.mean - sampled.logPx.mean)).toBeLessThan(0.3) // few draws: a little too low
})

test('posterior draws the plane where the prior lies', () => {
  const { images } = json('posterior', 'fits', '--images', '0', '--grid', '81', '--compile', 'off')
  expect(images[0].elbo + images[0].gap).toBeCloseTo(images[0].logPx, 9)
})

test('samples come from the prior; traverse and manifold are placed by its moments', async () => {
  await useBackend()
  const { vae, learner } = loadTrainedVae(join(checkpoints, 'fits'), 'best')
  const { mean, deviation } = await priorAxes(vae)
  learner.dispose()
  expect(succeed('sample', 'fits', '--count', '4')).toContain('z ~ a VampPrior of 9 pseudo-inputs')
  const edge = (j: number, side: number) => (mean[j] as number) + side * (deviation[j] as number)
  const { z } = json('manifold', 'fits', '--side', '3', '--extent', '2')
  const first = [edge(0, -2), edge(1, 2)]
  z[0].forEach((value: number, j: number) => void expect(value).toBeCloseTo(first[j] as number, 4))
  const found = json('traverse', 'fits', '--steps', '3', '--extent', '1')
  const [{ dimension, variance }] = found.dimensions
  expect(variance).toBeGreaterThan(found.dimensions[1].variance)
  expect(found.z[1]).toEqual(expect.arrayContaining(mean.map(value => expect.closeTo(value, 4))))
  expect(found.z[2][dimension] - found.z[1][dimension]).toBeCloseTo(deviation[dimension] as number, 4)
})

test('sample --from codes fits a mixture to the codes of the training images, and says how well it fits', () => {
  const { fit, z } = json(
    'sample',
    'fits',
    '--from',
    'codes',
    '--components',
    '3',
    '--count',
    '200',
    '--out',
    'codes.png',
  )
  expect(fit).toMatchObject({ components: 3, codes: 1000, converged: true, logLikelihood: { count: 1000 } })
  expect(fit.validationLogLikelihood.count).toBe(200)
  expect(fit.logLikelihood.standardError).toBeLessThan(0.1)
  expect(z).toHaveLength(200)
})

test('--components without --from codes is refused', () => {
  refused(2, '--components 3: has no effect with --from prior', 'sample', 'fits', '--components', '3')
})

test('codes have no KL of single dimensions, and gradients need the sampled KL term', () => {
  expect(Object.keys(json('encode', 'fits', '--to', 'codes.npz').arrays)).not.toContain('kl')
  refused(2, '--kl analytic: the KL term has no closed form with a learned prior', 'gradients', 'fits')
})

test('export writes the prior, and elbo.json says how to use it', async () => {
  const { files } = json('export', 'fits', '--to', 'exported')
  expect(files).toContain(join('exported', 'prior/model.json'))
  const description = JSON.parse(readFileSync(join(home, 'exported/elbo.json'), 'utf8'))
  expect(description.prior).toMatchObject({ name: 'vamp', components: 9, file: 'prior.json' })
  const written = JSON.parse(readFileSync(join(home, 'exported/prior.json'), 'utf8'))
  expect(written.weight.reduce((sum: number, weight: number) => sum + weight, 0)).toBeCloseTo(1, 12)
  await useBackend()
  registerFileHandlers()
  const load = (name: string) => tf.loadLayersModel(`file://${join(home, 'exported', name, 'model.json')}`)
  const [prior, encoder] = [await load('prior'), await load('encoder')]
  const [mu, logVar] = encoder.predict(prior.predict(tf.eye(9)) as tf.Tensor) as [tf.Tensor, tf.Tensor]
  const { vae, learner } = loadTrainedVae(join(checkpoints, 'fits'), 'best')
  const { mean, deviation } = await priorAxes(vae)
  learner.dispose()
  const exported = tf.tidy(() => {
    const centre = tf.mean(mu, 0)
    const variance = tf.mean(tf.add(tf.exp(logVar), tf.square(tf.sub(mu, centre))), 0)
    return [...centre.dataSync(), ...tf.sqrt(variance).dataSync()]
  })
  const read = momentsOf(written)
  for (const [i, value] of [...mean, ...deviation].entries()) {
    expect(exported[i]).toBeCloseTo(value, 5)
    expect(read[i]).toBeCloseTo(value, 5)
  }
})

interface Gaussians {
  weight: number[]
  mean: number[][]
  variance: number[][]
}

/** Means and standard deviations of the mixture in a prior.json. */
function momentsOf({ weight, mean, variance }: Gaussians): number[] {
  const average = (values: number[]) => values.reduce((sum, value, k) => sum + value * (weight[k] as number), 0)
  const column = (rows: number[][], j: number) => rows.map(row => row[j] as number)
  const dimensions = [...(mean[0] ?? []).keys()]
  const means = dimensions.map(j => average(column(mean, j)))
  const squares = dimensions.map(j => average(column(mean, j).map((m, k) => m ** 2 + (variance[k]?.[j] as number))))
  return [...means, ...squares.map((square, j) => Math.sqrt(square - (means[j] as number) ** 2))]
}

test('the card of a learned mixture says how to draw from it', () => {
  const prior = ['--prior', 'mixture', '--prior-components', '4', '--kl', 'monte-carlo']
  succeed('train', '--run', 'blend', '--epochs', '1', '--compile', 'off', ...smallFlags, ...prior)
  const card = ['--model-card', '--saved-model', '--onnx', '--images', '20', '--samples', '5']
  const { files } = json('export', 'blend', '--to', 'blend', ...card)
  expect(files).toContain(join('blend', 'onnx/prior.onnx'))
  const text = readFileSync(join(home, 'blend/README.md'), 'utf8')
  expect(text).toContain('The prior of z is a mixture of 4 Gaussians')
  expect(text).toContain('draw z from the Gaussians of `prior.json`')
  const { weight, mean, variance }: Gaussians = JSON.parse(readFileSync(join(home, 'blend/prior.json'), 'utf8'))
  expect([weight.length, mean.length, mean[0]?.length, variance.length]).toEqual([4, 4, 2, 4])
})
