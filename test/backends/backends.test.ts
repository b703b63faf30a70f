// One suite over all backends: same weights, same keys, same numbers. A backend that cannot run here is skipped with its reason.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { type BackendCandidate, BackendRefusal, openAll, openFirst } from '../../src/backends/backend.js'
import { candidates, openBackend } from '../../src/backends/candidates.js'
import { type Dataset, loadDataset } from '../../src/data/dataset.js'
import { resolveConfig, vae } from '../../src/methods/vae.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { namedWeights, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { elbo } from '../../src/objectives/elbo.js'
import { normal, streamKey, uniform } from '../../src/random.js'
import { train } from '../../src/runs/train.js'
import { loadTrainedRun } from '../../src/runs/trained-run.js'
import { smallMnist } from '../support/idx-file.js'

const opened = await openAll(candidates, { debug: false })
const refusals = new Map(opened.flatMap(result => (result instanceof BackendRefusal ? [[result.backend, result]] : [])))

const source = smallMnist(mkdtempSync(join(tmpdir(), 'elbo-mnist-')), 360, 60)
const data: Dataset = loadDataset(source)
const config = resolveConfig({ data: source, batchSize: 50, hidden: [32], latentDim: 5, epochs: 2, learningRate: 5e-3 })

const models = {
  'fully connected': config,
  // Uncompiled, which saves seconds: test/compile/ has compiled convolutions.
  convolutional: resolveConfig(config, {
    filters: [2, 3],
    hidden: [8],
    trainImages: 100,
    validationImages: 30,
    compile: 'off',
  }),
}
const modelNames = Object.keys(models) as (keyof typeof models)[]

/** Bound, gradients and noise of the same batch, weights and keys. */
async function compute(config: VaeConfig) {
  const learner = vae.create(config, { ...data, images: data.train.count })
  void learner.initialize(data, () => data.train)
  const networks = learner.vae as Vae
  const result = tf.tidy(() => {
    const x = tf.tensor2d(
      Float32Array.from(data.train.pixels.subarray(0, 50 * 784), level => (level > 127 ? 1 : 0)),
      [50, 784],
    )
    const bound = () => elbo(networks, x, streamKey(5, 'noise'), { samples: 2, kl: 'analytic' }).elbo
    const weights = [...namedWeights(networks.encoder), ...namedWeights(networks.decoder)].map(([, weight]) => weight)
    const { grads } = tf.variableGrads(() => tf.mean(bound()) as tf.Scalar, weights)
    return {
      elbo: bound(),
      gradients: weights.map(weight => grads[weight.name] as tf.Tensor),
      uniform: uniform([3, -9], [5, 7]),
      normal: normal([3, -9], [5, 7]),
    }
  })
  const values = {
    elbo: await valuesOf(result.elbo),
    gradients: await Promise.all(result.gradients.map(valuesOf)),
    uniform: await valuesOf(result.uniform),
    normal: await valuesOf(result.normal),
  }
  tf.dispose(result)
  learner.dispose()
  return values
}

const valuesOf = async (tensor: tf.Tensor): Promise<number[]> => [...(await tensor.data<'float32'>())]

/** Trains on a backend, two passes unless told otherwise; ELBO in nats per image. */
const trainOn = async (name: string, model: keyof typeof models, folder = newFolder(), resume = false, epochs = 2) => {
  const { backend } = await openBackend(name, { debug: false })
  const observer = { started() {}, compiled() {}, progress() {}, epoch() {}, async saved() {} }
  const { history } = await train({
    folder,
    config: { ...models[model], epochs },
    resume,
    backend,
    signal: new AbortController().signal,
    observer,
  })
  return { folder, history, validationElbo: history.at(-1)?.validationElbo as number }
}

const newFolder = () => join(mkdtempSync(join(tmpdir(), 'elbo-run-')), 'run')

/** Everything that a run has learned, the optimizer's moments included, as the backend `name` reads it. */
const stateOn = async (name: string, folder: string) => {
  await openBackend(name, { debug: false })
  const { learner } = loadTrainedRun(folder, 'latest')
  const named = [...learner.variables]
  const state = await Promise.all(named.map(async ([variable, tensor]) => [variable, await valuesOf(tensor)] as const))
  learner.dispose()
  return state
}

await openBackend('cpu', { debug: false })
const reference = {
  'fully connected': await compute(models['fully connected']),
  convolutional: await compute(models.convolutional),
}
const referenceRuns = {
  'fully connected': await trainOn('cpu', 'fully connected'),
  convolutional: await trainOn('cpu', 'convolutional'),
}

describe.each(candidates.map(({ name }) => name))('%s', name => {
  const refusal = refusals.get(name)
  const title = (text: string) => (refusal ? `${text} (skipped: ${refusal.reason})` : text)
  // A CPU that stands in for a GPU compiles every shader, which takes minutes on a busy machine.
  const isSlow = opened.some(result => !(result instanceof BackendRefusal) && result.name === name && result.inSoftware)
  const options = isSlow ? { timeout: 900_000 } : {}

  test.skipIf(refusal).each(modelNames)(
    title('gives the reference noise, bound and gradients: %s'),
    options,
    async model => {
      await openBackend(name, { debug: false })
      const { elbo, gradients, uniform, normal } = await compute(models[model])
      expect(uniform).toEqual(reference[model].uniform) // to the last bit
      close(normal, reference[model].normal, 1e-5)
      close(elbo, reference[model].elbo, 1e-5 * 200) // 1e-5 of about 200 nats
      gradients.forEach((gradient, i) => {
        const expected = reference[model].gradients[i] as number[]
        close(gradient, expected, 1e-4 * Math.max(...expected.map(Math.abs)))
      })
    },
  )

  test.skipIf(refusal).each(modelNames)(
    title("trains to within a nat of the reference, and they read the same weights from each other's checkpoints: %s"),
    options,
    async model => {
      const reference = referenceRuns[model]
      const { folder, validationElbo } = await trainOn(name, model)
      expect(Math.abs(validationElbo - reference.validationElbo)).toBeLessThan(1)
      expect(await stateOn(name, reference.folder)).toEqual(await stateOn('cpu', reference.folder))
      expect(await stateOn('cpu', folder)).toEqual(await stateOn(name, folder))
    },
  )

  test.skipIf(refusal)(title('goes on with a checkpoint of the cpu backend'), options, async () => {
    const { folder } = await trainOn('cpu', 'fully connected', newFolder(), false, 1)
    const { history } = await trainOn(name, 'fully connected', folder, true)
    expect(history.map(({ epoch }) => epoch)).toEqual([1, 2])
  })
})

const refusing = (name: string): BackendCandidate => ({
  name,
  open: async () => {
    throw new BackendRefusal(name, `${name} is missing`, `install ${name}`)
  },
})
const [cpu] = candidates.slice(-1) as [BackendCandidate]

test('the first candidate that opens is taken, with the refusals of those before it', async () => {
  const { backend, refusals } = await openFirst([refusing('cuda'), refusing('webgpu'), cpu], { debug: false })
  expect(backend.name).toBe('cpu')
  expect(refusals.map(({ backend, reason, fix }) => [backend, reason, fix])).toEqual([
    ['cuda', 'cuda is missing', 'install cuda'],
    ['webgpu', 'webgpu is missing', 'install webgpu'],
  ])
})

test('a backend asked for by name that cannot run is an error with reason and fix, never another backend', async () => {
  await expect(openFirst([refusing('cuda')], { debug: false })).rejects.toThrow(
    'backend cuda cannot run: cuda is missing. Fix: install cuda',
  )
})

test('an error that is no refusal is not taken for one', async () => {
  const broken: BackendCandidate = { name: 'broken', open: () => Promise.reject(new Error('a bug')) }
  await expect(openFirst([broken, cpu], { debug: false })).rejects.toThrow('a bug')
})

test('a mean comes with the standard error of independent values', () => {
  expect(estimateMean([1, 2, 3, 4])).toEqual({ mean: 2.5, standardError: Math.sqrt(5 / 3 / 4), count: 4 })
  expect(estimateMean([7])).toEqual({ mean: 7, standardError: Number.NaN, count: 1 })
})

function close(actual: number[], expected: number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, i) => {
    expect(Math.abs(value - (expected[i] as number)), `value ${i}: ${value} against ${expected[i]}`).toBeLessThan(
      tolerance,
    )
  })
}
