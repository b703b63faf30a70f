// Runs of `elbo em` through the training loop: convergence, metrics, and resumption to the last bit for every model and method.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inspectRun } from '../../src/commands/check/inspect-run.js'
import { binarizeOnce } from '../../src/data/binarize.js'
import { loadDataset } from '../../src/data/dataset.js'
import { evaluateBound } from '../../src/evaluation/bound.js'
import { decodeSafetensors, encodeSafetensors } from '../../src/files/safetensors.js'
import { methodOf, methods, parseRunConfig } from '../../src/methods/list.js'
import { type RunConfig, resolveRun } from '../../src/methods/method.js'
import { streamKey } from '../../src/random.js'
import { train } from '../../src/runs/train.js'
import { loadTrainedRun, loadTrainedVae } from '../../src/runs/trained-run.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { smallMnist } from '../support/idx-file.js'
import { expectSameState, newRun, stopAfterFirstStep, type TrainingOptions } from '../support/runs.js'

// 50 of these images are kept for validation: the last of four batches is not full.
const data = smallMnist(250, 30, { stride: 2 }) // 14 x 14 pixels
const base = { data, batchSize: 60, epochs: 3, tolerance: null }

/** The settings of a run of `elbo em`, its model among them. */
type Changes = Record<string, unknown> & { model: string }

async function trainEm(folder: string, changes: Changes, options: TrainingOptions = {}) {
  const backend = await useBackend()
  const method = methodOf(changes)
  const size = 'components' in method.flags ? { components: 4 } : { latentDim: 2 }
  const settings = { ...base, ...size, compile: fixedMode(backend), ...changes } as Partial<RunConfig>
  return train({ folder, config: resolveRun(method, settings), backend, ...options })
}

const fits: Record<string, Changes> = {
  'exact EM of a mixture of Bernoullis': { model: 'bernoulli-mixture' },
  'MAP of a mixture of Bernoullis': { model: 'bernoulli-mixture', prior: 1.5 },
  'exact EM of a Gaussian mixture with full covariances': { model: 'gaussian-mixture', covariance: 'full', pca: 3 },
  'exact EM of factor analysis': { model: 'factor-analysis', varianceFloor: 1e-3 },
  'exact EM of probabilistic PCA': { model: 'ppca', pca: 6 },
  'mean field of a mixture of Bernoullis': { model: 'bernoulli-mixture', method: 'mean-field' },
  'mean field of a Gaussian mixture': { model: 'gaussian-mixture', method: 'mean-field', pca: 3 },
  'Monte Carlo EM of a mixture': { model: 'bernoulli-mixture', method: 'monte-carlo', samples: 2 },
  'Monte Carlo EM of factor analysis by Gibbs': {
    model: 'factor-analysis',
    method: 'monte-carlo',
    sampler: 'gibbs',
    varianceFloor: 1e-3,
  },
  'Monte Carlo EM of probabilistic PCA by HMC': {
    model: 'ppca',
    method: 'monte-carlo',
    sampler: 'hmc',
    leapfrogSteps: 2,
    pca: 6,
  },
}

describe.each(Object.entries(fits))('%s', (_name, changes) => {
  test('stopped in the middle of a pass, and resumed, ends byte for byte as the run that was never stopped', async () => {
    const [whole, parts] = [newRun(), newRun()]
    const { history } = await trainEm(whole, changes)
    expect(history).toHaveLength(3)
    expect(history.every(({ validationElbo }) => Number.isFinite(validationElbo))).toBe(true)
    const stopped = await trainEm(parts, changes, stopAfterFirstStep())
    expect(stopped).toMatchObject({ ended: 'interrupted', position: { epoch: 0, stepInEpoch: 1 } })
    await trainEm(parts, { ...changes, epochs: 1 }, { resume: true })
    await trainEm(parts, changes, { resume: true })
    expectSameState(parts, whole)
  })

  if (changes.method !== 'monte-carlo')
    test('never lowers the objective that it maximises', async () => {
      const { history } = await trainEm(newRun(), { ...changes, epochs: 6 })
      const objectives = history.map(m => m.objective ?? m.elboAfterM ?? Number.NaN)
      for (const [i, value] of objectives.slice(1).entries())
        expect(value).toBeGreaterThan((objectives[i] as number) - 1e-4)
      expect(objectives.at(-1)).toBeGreaterThan(objectives[0] as number)
    })
})

test('a run has converged as soon as its further passes gain less than the tolerance, all together', async () => {
  const changes = { model: 'bernoulli-mixture', epochs: 100 }
  const { ended, history } = await trainEm(newRun(), { ...changes, tolerance: 0.05 })
  expect(ended).toBe('converged')
  const longer = await trainEm(newRun(), { ...changes, epochs: history.length + 30 })
  const objectives = longer.history.map(({ objective = 0 }) => objective)
  const left = (objectives.at(-1) as number) - (objectives[history.length - 1] as number)
  expect(left).toBeLessThan(0.1)
  expect((objectives[history.length - 1] as number) - (objectives[history.length - 2] as number)).toBeLessThan(0.05)
})

test('the bound after the E step is the log likelihood under the parameters that the pass began with, over all its images', async () => {
  const { history } = await trainEm(newRun(), { model: 'bernoulli-mixture' })
  for (const { trainElbo, elboAfterE } of history) expect(trainElbo).toBeCloseTo(elboAfterE as number, 3)
})

test('the model of a finished run has the validation bound that the run recorded', async () => {
  const run = newRun()
  const { history } = await trainEm(run, { model: 'bernoulli-mixture' })
  const { learner, config } = loadTrainedRun(run, 'latest')
  const images = binarizeOnce((await loadDataset(data)).validation, 'dynamic', streamKey(config.seed, 'validation'))
  const options = { batchSize: 50, key: streamKey(1, 'test') }
  const bound = await evaluateBound(learner.bounds({ mode: 'off' }), images, options)
  expect(bound?.elbo.mean).toBeCloseTo(history.at(-1)?.validationElbo ?? Number.NaN, 4)
  const picture = await learner.pictures.sample(streamKey(1, 'picture'), 3)
  expect(picture.pixels).toHaveLength(3 * 196)
  learner.dispose()
})

test('loading another run as a VAE is refused with the model that it has', async () => {
  const run = newRun()
  await trainEm(run, { model: 'bernoulli-mixture', epochs: 1 })
  expect(() => loadTrainedVae(run, 'latest')).toThrow(
    'this needs a VAE, a run of `elbo train`; the run is exact em of bernoulli-mixture',
  )
})

test.each([
  [{ model: 'bernoulli-mixture', samples: 5 }, '--samples 5: has no effect with --method exact'],
  [{ model: 'bernoulli-mixture', method: 'mean-field', prior: 2 }, '--prior 2: has no effect with --method mean-field'],
  [{ model: 'gaussian-mixture', concentration: 0.1 }, '--concentration 0.1: has no effect with --method exact'],
  [{ model: 'factor-analysis', sampler: 'gibbs' }, '--sampler gibbs: has no effect with --method exact'],
  [
    { model: 'ppca', method: 'monte-carlo', samples: 2, discard: 2 },
    '--discard 2: discards all draws of --samples 2; use --discard 1 or a larger --samples',
  ],
  [
    { model: 'vae', sampler: 'metropolis', leapfrogSteps: 3 },
    '--leapfrog-steps 3: has no effect without --sampler hmc',
  ],
])('%o is refused before anything is opened', (changes, message) => {
  expect(() => resolveRun(methodOf(changes), changes as Partial<RunConfig>)).toThrow(message)
})

test('the default settings of every method pass their own checks and read back from config.json', () => {
  for (const { name, command, flags, settings, conflicts } of methods) {
    const config = settings.resolve()
    expect(conflicts(config), name).toBeUndefined()
    expect(parseRunConfig(JSON.stringify(config), 'config.json'), command).toEqual(config)
    for (const [flag, { schema, value }] of Object.entries(flags))
      expect((schema as { safeParse(value: unknown): { success: boolean } }).safeParse(value).success, flag).toBe(true)
  }
})

test('config.json of an older version, with the settings of all EM models, is read and kept as it is', () => {
  const own = resolveRun(methodOf({ model: 'bernoulli-mixture' }))
  const old = { ...own, covariance: 'diagonal', latentDim: 10, sampler: 'direct', learningRate: 1e-3 }
  expect(parseRunConfig(JSON.stringify(old), 'config.json')).toEqual(old)
  expect(() => parseRunConfig(JSON.stringify({ ...own, latentDims: 3 }), 'config.json')).toThrow(
    "config.json: there is no setting 'latentDims'",
  )
  expect(() => parseRunConfig('{"model":"kmeans"}', 'config.json')).toThrow(
    'config.json: model: "kmeans" was given; one of bernoulli-mixture, ',
  )
})

/** Makes the latest snapshot of a Bernoulli mixture one of an older version, which had logits alone. */
function makeOlder(folder: string): void {
  const path = join(folder, 'latest', 'state.safetensors')
  const { tensors, metadata } = decodeSafetensors(readFileSync(path), path)
  for (const name of ['log_on', 'log_off', 'origin']) tensors.delete(name)
  writeFileSync(path, encodeSafetensors({ tensors, metadata }))
}

test('check says that a pass whose sums an older version stored begins again, and so it does', async () => {
  const folder = newRun()
  const changes = { model: 'bernoulli-mixture', epochs: 2 }
  await trainEm(folder, changes, stopAfterFirstStep())
  const resume = async () => (await inspectRun(folder, 'r')).resume
  expect(await resume()).toEqual({ from: 'epoch 0, step 1 of the next' })
  makeOlder(folder)
  const from = 'epoch 0; the next begins again, because an older version stored its sums in another form'
  expect(await resume()).toEqual({ from })
  const starts: number[] = []
  const observer = { started: ({ stepInEpoch }: { stepInEpoch: number }) => void starts.push(stepInEpoch) }
  await trainEm(folder, changes, { resume: true, observer })
  expect(starts).toEqual([0])
})
