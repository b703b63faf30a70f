// One suite over all backends: same weights, same keys, same numbers. A backend that cannot run here is skipped with its reason.
import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { type BackendCandidate, BackendRefusal, openAll, openFirst } from '../../src/backends/backend.js'
import { candidates } from '../../src/backends/candidates.js'
import { type Dataset, loadDataset } from '../../src/data/dataset.js'
import { levelsOf } from '../../src/data/images.js'
import { resolveConfig, vae } from '../../src/methods/vae.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import type { Vae } from '../../src/models/vae.js'
import { elbo } from '../../src/objectives/elbo.js'
import { normal, streamKey, uniform } from '../../src/random.js'
import { train } from '../../src/runs/train.js'
import { loadTrainedRun } from '../../src/runs/trained-run.js'
import { useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'
import { smallMnist } from '../support/idx-file.js'
import { newRun, type TrainingOptions } from '../support/runs.js'
import { weightsOf } from '../support/vae.js'

const opened = await openAll(candidates, { debug: false })
const refusals = new Map(opened.flatMap(result => (result instanceof BackendRefusal ? [[result.backend, result]] : [])))

const source = smallMnist(360, 60)
const data: Dataset = await loadDataset(source)
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
      Float32Array.from(levelsOf(data.train, 0, 50), level => (level > 127 ? 1 : 0)),
      [50, 784],
    )
    const bound = () => elbo(networks, x, streamKey(5, 'noise'), { samples: 2, kl: 'analytic' }).elbo
    const weights = weightsOf(networks)
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

/** Trains on a backend; ELBO in nats per image. */
const trainOn = async (
  name: string,
  config: VaeConfig,
  { folder = newRun(), ...options }: TrainingOptions & { folder?: string } = {},
) => {
  const { history } = await train({ folder, config, backend: await useBackend(name), ...options })
  return { folder, history, validationElbo: history.at(-1)?.validationElbo as number }
}

/** Everything that a run has learned, the optimizer's moments included, as the backend `name` reads it. */
const stateOn = async (name: string, folder: string) => {
  await useBackend(name)
  const { learner } = loadTrainedRun(folder, 'latest')
  const named = [...learner.variables]
  const state = await Promise.all(named.map(async ([variable, tensor]) => [variable, await valuesOf(tensor)] as const))
  learner.dispose()
  return state
}

await useBackend('cpu')
const reference = {
  'fully connected': await compute(models['fully connected']),
  convolutional: await compute(models.convolutional),
}
const referenceRuns = {
  'fully connected': await trainOn('cpu', models['fully connected']),
  convolutional: await trainOn('cpu', models.convolutional),
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
      await useBackend(name)
      const { elbo, gradients, uniform, normal } = await compute(models[model])
      expect(uniform).toEqual(reference[model].uniform) // to the last bit
      expectClose(normal, reference[model].normal, 1e-5, 'normal')
      expectClose(elbo, reference[model].elbo, 1e-5 * 200, 'ELBO') // 1e-5 of about 200 nats
      gradients.forEach((gradient, i) => {
        const expected = reference[model].gradients[i] as number[]
        expectClose(gradient, expected, 1e-4 * Math.max(...expected.map(Math.abs)), `gradient ${i}`)
      })
    },
  )

  test.skipIf(refusal).each(modelNames)(
    title("trains to within a nat of the reference, and each reads the same weights from the other's checkpoint: %s"),
    options,
    async model => {
      const reference = referenceRuns[model]
      const { folder, validationElbo } = await trainOn(name, models[model])
      expect(Math.abs(validationElbo - reference.validationElbo)).toBeLessThan(1)
      expect(await stateOn(name, reference.folder)).toEqual(await stateOn('cpu', reference.folder))
      expect(await stateOn('cpu', folder)).toEqual(await stateOn(name, folder))
    },
  )

  test.skipIf(refusal)(title('goes on with a checkpoint of the cpu backend'), options, async () => {
    const { folder } = await trainOn('cpu', { ...config, epochs: 1 })
    const { history } = await trainOn(name, config, { folder, resume: true })
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

test('the first candidate that opens is taken; the refusals of those before it are kept', async () => {
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

test('an error that is not a refusal is thrown', async () => {
  const broken: BackendCandidate = { name: 'broken', open: () => Promise.reject(new Error('a bug')) }
  await expect(openFirst([broken, cpu], { debug: false })).rejects.toThrow('a bug')
})
