// What a model needs of memory is counted before it is made: as many values as it then has, and a refusal if the machine has too little.
import { existsSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { optimizers } from '../../src/inference/optimizer.js'
import { bernoulliMixture } from '../../src/methods/bernoulli-mixture.js'
import { decoder } from '../../src/methods/decoder.js'
import { factorAnalysis } from '../../src/methods/factor-analysis.js'
import { gaussianMixture } from '../../src/methods/gaussian-mixture.js'
import { machineMemory, requireMemory } from '../../src/methods/memory.js'
import { createLearner, type Learner, type Method, type RunConfig } from '../../src/methods/method.js'
import { resolveConfig, vae } from '../../src/methods/vae.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { useBackend } from '../support/backend.js'
import { commandLine } from '../support/command-line.js'

const size = { rows: 8, columns: 8, images: 100, classes: { names: ['no', 'perhaps', 'yes'] } }
const device = 'CPU'

/** The learner with these settings, its needs by what they are, and the values of its variables. */
async function made<C extends RunConfig>(method: Method<C>, given: object) {
  await useBackend('cpu')
  const config = method.settings.resolve(given as Partial<C> as never)
  const learner = createLearner(method as unknown as Method, config, size, device)
  const result = { needs: method.memory(config, size).map(({ values }) => values), ...countsOf(learner) }
  learner.dispose()
  return result
}

function countsOf({ parameters, variables }: Learner) {
  const entries = [...variables].map(([name, { size }]) => [name, size] as const)
  const count = (pattern: RegExp) =>
    entries.filter(([name]) => pattern.test(name)).reduce((sum, [, size]) => sum + size, 0)
  return { parameters, slots: count(/^optimizer\/\w+\/\w+\/(en|de)coder/), all: count(/./) }
}

describe('the counted values are those of', () => {
  test.each<[string, Partial<VaeConfig>]>([
    ['a VAE', { hidden: [7, 5], latentDim: 3 }],
    ['a VAE without hidden layers', { hidden: [], latentDim: 3 }],
    ['a VAE with convolutions', { filters: [3, 4], hidden: [6], latentDim: 3 }],
    ['a VAE with two latent layers', { hidden: [7], latentDim: 4, upperLatentDim: 2, upperHidden: [5, 3] }],
    ['a VAE with a mixture as prior', { hidden: [7], prior: 'mixture', priorComponents: 5, kl: 'monte-carlo' }],
    ['a VAE with gates', { hidden: [7, 5], latentDim: 3, activation: 'gated' }],
    ['a VAE of densities', { likelihood: 'gaussian', pixelVariance: 'learned', binarize: 'none', hidden: [6] }],
    ['a VAE given labels', { condition: 'label', hidden: [7, 5], latentDim: 3 }],
    ['a VAE with convolutions given labels', { condition: 'label', filters: [3], hidden: [6] }],
    ['a VAE with binary z', { latents: 'bernoulli', estimator: 'score', hidden: [6] }],
  ])('%s', async (_, given) => {
    const { needs, parameters } = await made(vae, given)
    expect(needs[0]).toBe(4 * parameters) // weights, gradients, two slots of Adam
  })

  test.each(optimizers)('the state of %s', async optimizer => {
    const { needs, parameters, slots } = await made(vae, { optimizer, hidden: [7] })
    expect(needs[0]).toBe(2 * parameters + slots)
  })

  test('a decoder', async () => {
    const { needs, parameters } = await made(decoder, { hidden: [6], latentDim: 3, chains: 4 })
    expect(needs.slice(0, 2)).toEqual([4 * parameters, 100 * 4 * 3])
  })

  test.each(['spherical', 'diagonal', 'full'])('a mixture of Gaussians, %s', async covariance => {
    const { needs, all } = await made(gaussianMixture, { covariance, components: 3 })
    expectAlmostAll(needs[0], all)
  })

  test('a mixture of Bernoullis', async () => {
    const { needs, all } = await made(bernoulliMixture, { components: 5 })
    expectAlmostAll(needs[0], all)
  })

  test('factor analysis', async () => {
    const { needs, all } = await made(factorAnalysis, { latentDim: 5 })
    const moments = 64 * 7 + 5 * 5 + 5 + 1
    expectAlmostAll((needs[0] as number) - 2 * moments, all) // the sums in double precision are no variables
  })

  /** Scalars and vectors over components are left out. */
  function expectAlmostAll(counted: number | undefined, all: number): void {
    expect(counted).toBeLessThanOrEqual(all)
    expect(counted).toBeGreaterThan(0.95 * all)
  }
})

describe('a model that needs too much memory', () => {
  const needs = [
    { what: 'weights', values: 40e9, settings: '--hidden' },
    { what: 'a batch', values: 1e9, settings: '--batch-size' },
    { what: 'the rest', values: 1, settings: '--chains' },
  ]

  test('is refused in one line with its largest parts, and the settings that decide them', () => {
    expect(() => requireMemory('vae 1-2', needs, 24e9)).toThrow(
      'vae 1-2: this model needs at least 164 GB of memory (weights: 160 GB; a batch: 4.0 GB), and this machine has 24 GB; use a smaller --hidden',
    )
    expect(() => requireMemory('vae 1-2', needs, 165e9)).not.toThrow()
  })

  test('is not refused on a GPU, whose memory is its own', async () => {
    await useBackend('cpu')
    const hungry = { ...vae, memory: () => [{ what: 'weights', values: machineMemory(), settings: '--hidden' }] }
    const config = resolveConfig({ hidden: [3] })
    expect(() => createLearner(hungry as unknown as Method, config, size, 'CPU, 2 threads')).toThrow('use a smaller')
    createLearner(hungry as unknown as Method, config, size, 'GPU 0').dispose()
  })

  test.each([
    [['train', '--hidden', '100000,100000'], 'vae 100000-100000-32 elu: this model needs at least 323 GB of memory'],
    [['em', 'vae', '--hidden', '100000,100000'], 'use a smaller --hidden'],
    [['em', 'gaussian-mixture', '--components', '100000', '--covariance', 'full'], 'use a smaller --components'],
  ])('is refused by `elbo %s`, and nothing is left behind', (args, message) => {
    const { refused, checkpoints } = commandLine()
    refused(2, message, ...args, '--backend', 'cpu')
    expect(existsSync(checkpoints) ? readdirSync(checkpoints) : []).toEqual([])
  })
})
