// Runs of `elbo em` through the training loop: convergence, metrics, and resumption to the last bit for every model and method.
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../src/backends/backend.js'
import { openBackend } from '../../src/backends/candidates.js'
import { evaluateBound } from '../../src/evaluation/bound.js'
import { methodOf, methods, parseRunConfig } from '../../src/methods/list.js'
import { type RunConfig, resolveRun } from '../../src/methods/method.js'
import { streamKey } from '../../src/random.js'
import { train } from '../../src/runs/train.js'
import { loadTrainedRun, loadTrainedVae } from '../../src/runs/trained-run.js'
import { smallMnist } from '../support/idx-file.js'
import { stopAfterFirstStep } from '../support/runs.js'

const IMAGES = 250 // of which 50 are kept for validation: the last of four batches is not full
const data = smallMnist(mkdtempSync(join(tmpdir(), 'elbo-mnist-')), IMAGES, 30, 2) // 14 x 14 pixels
const base = { data, batchSize: 60, epochs: 3, tolerance: null }

/** The settings of a run of `elbo em`, its model among them. */
type Changes = Record<string, unknown> & { model: string }

let backend: Backend
beforeAll(async () => {
  backend = (await openBackend('auto', { debug: false })).backend
})

const folder = () => join(mkdtempSync(join(tmpdir(), 'elbo-run-')), 'run')
const state = (of: string) => readFileSync(join(of, 'latest', 'state.safetensors'))

interface More {
  resume?: boolean
  signal?: AbortSignal
  progress?: () => void
}

function run(to: string, changes: Changes, more: More = {}) {
  const { resume = false, signal = new AbortController().signal, progress = () => {} } = more
  const compile = backend.name === 'tensorflow' ? 'graph' : 'off'
  const method = methodOf(changes)
  const size = 'components' in method.flags ? { components: 4 } : { latentDim: 2 }
  const config = resolveRun(method, { ...base, ...size, compile, ...changes } as Partial<RunConfig>)
  return train({ folder: to, config, resume, backend, signal, observer: { progress } })
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
  test('stopped in the middle of a pass ends byte for byte as the run that was never stopped', async () => {
    const [whole, parts] = [folder(), folder()]
    const { history } = await run(whole, changes)
    expect(history).toHaveLength(3)
    expect(history.every(({ validationElbo }) => Number.isFinite(validationElbo))).toBe(true)
    const stopped = await run(parts, changes, stopAfterFirstStep())
    expect(stopped).toMatchObject({ ended: 'interrupted', position: { epoch: 0, stepInEpoch: 1 } })
    await run(parts, { ...changes, epochs: 1 }, { resume: true })
    await run(parts, changes, { resume: true })
    expect(state(parts).equals(state(whole))).toBe(true)
  })

  if (changes.method !== 'monte-carlo')
    test('never lowers what it maximises', async () => {
      const { history } = await run(folder(), { ...changes, epochs: 6 })
      const objectives = history.map(m => m.objective ?? m.elboAfterM ?? Number.NaN)
      for (const [i, value] of objectives.slice(1).entries())
        expect(value).toBeGreaterThan((objectives[i] as number) - 1e-4)
      expect(objectives.at(-1)).toBeGreaterThan(objectives[0] as number)
    })
})

test('a run that gains less than the tolerance has converged, and says so', async () => {
  const { ended, history } = await run(folder(), { model: 'bernoulli-mixture', tolerance: 0.5, epochs: 100 })
  expect(ended).toBe('converged')
  const objectives = history.map(({ objective = 0 }) => objective)
  const gains = objectives.slice(1).map((value, i) => value - (objectives[i] as number))
  expect(gains.at(-1)).toBeLessThan(0.5)
  expect(gains.slice(0, -1).every(gain => gain >= 0.5)).toBe(true)
})

test('the bound after an E step is the log likelihood of the parameters that the pass began with, over all its images', async () => {
  const to = folder()
  const { history } = await run(to, { model: 'bernoulli-mixture' })
  for (const { trainElbo, elboAfterE } of history) expect(trainElbo).toBeCloseTo(elboAfterE as number, 3)
})

test('the model that is brought back gives every image the bound that the run recorded', async () => {
  const to = folder()
  const { history } = await run(to, { model: 'bernoulli-mixture' })
  const { learner, config } = loadTrainedRun(to, 'latest')
  const { loadDataset } = await import('../../src/data/dataset.js')
  const { binarizeOnce } = await import('../../src/data/binarize.js')
  const images = binarizeOnce(loadDataset(data).validation, 'dynamic', streamKey(config.seed, 'validation'))
  const options = { batchSize: 50, key: streamKey(1, 'test') }
  const bound = await evaluateBound(learner.bounds({ mode: 'off' }), images, options)
  expect(bound?.elbo.mean).toBeCloseTo(history.at(-1)?.validationElbo ?? Number.NaN, 4)
  const picture = await learner.pictures.sample(streamKey(1, 'picture'), 3)
  expect(picture.pixels).toHaveLength(3 * 196)
  learner.dispose()
})

test('a command that needs a VAE says what the run holds', async () => {
  const to = folder()
  await run(to, { model: 'bernoulli-mixture', epochs: 1 })
  expect(() => loadTrainedVae(to, 'latest')).toThrow('exact em of bernoulli-mixture; this needs a VAE')
})

test.each([
  [{ model: 'bernoulli-mixture', samples: 5 }, '--samples 5: has no effect with --method exact'],
  [{ model: 'bernoulli-mixture', method: 'mean-field', prior: 2 }, '--prior 2: has no effect with --method mean-field'],
  [{ model: 'gaussian-mixture', concentration: 0.1 }, '--concentration 0.1: has no effect with --method exact'],
  [{ model: 'factor-analysis', sampler: 'gibbs' }, '--sampler gibbs: has no effect with --method exact'],
  [
    { model: 'ppca', method: 'monte-carlo', samples: 2, discard: 2 },
    '--discard 2: of --samples 2 draws none is left; use --discard 1 or more --samples',
  ],
  [
    { model: 'vae', sampler: 'metropolis', leapfrogSteps: 3 },
    '--leapfrog-steps 3: has no effect without --sampler hmc',
  ],
])('%o is refused before anything is opened', (changes, message) => {
  expect(() => resolveRun(methodOf(changes), changes as Partial<RunConfig>)).toThrow(message)
})

test('the settings of every method are its own, pass their own checks, and read back from config.json', () => {
  for (const { name, command, flags, settings, conflicts } of methods) {
    const config = settings.resolve()
    expect(conflicts(config), name).toBeUndefined()
    expect(parseRunConfig(JSON.stringify(config), 'config.json'), command).toEqual(config)
    for (const [flag, { schema, value }] of Object.entries(flags))
      expect((schema as { safeParse(value: unknown): { success: boolean } }).safeParse(value).success, flag).toBe(true)
  }
})

test('config.json of a run of an older version, which held the settings of all EM models, opens and is kept as it is', () => {
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
