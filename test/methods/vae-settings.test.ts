// Settings of a VAE: flags, config files, presets, resumption, and combinations that are refused.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { resolveConfig, vae } from '../../src/methods/vae.js'
import { presets } from '../../src/methods/vae-presets.js'
import { type VaeConfig, vaeFlags, vaeSettings } from '../../src/methods/vae-settings.js'
import { kebabCase } from '../../src/settings/flag-names.js'
import { parseFlag, type Setting } from '../../src/settings/setting.js'

const flag = (name: keyof typeof vaeFlags, text: string) => parseFlag(name, vaeFlags[name] as Setting<unknown>, text)

test.each([
  ['epochs', '-1', '--epochs -1: a whole number from 1 to '],
  ['epochs', '2.5', '--epochs 2.5: a whole number from 1 to '],
  ['epochs', '', '--epochs : a whole number'],
  ['latentDim', '0', '--latent-dim 0: a whole number from 1 to '],
  ['learningRate', 'fast', '--learning-rate fast: a number above 0 was expected'],
  ['learningRate', 'Infinity', '--learning-rate Infinity: a number above 0 was expected'],
  ['hidden', '200,,200', '--hidden 200,,200: whole numbers from 1 to 100000, separated by commas'],
  ['filters', '32,0', "--filters 32,0: whole numbers from 1 to 10000, separated by commas, such as 32,64, or 'off'"],
  ['binarize', 'gray', '--binarize gray: one of dynamic, static, none was expected; did you mean '],
  ['backend', 'metal', '--backend metal: one of auto, '],
  ...['100', '100:', ':5', '100:5:2', '0:5', 'a:b'].map(text => {
    return [
      'samplesMilestones',
      text,
      `--samples-milestones ${text}: EPOCH:DRAWS of whole numbers, separated by commas`,
    ] as const
  }),
  ['clipNorm', '0', "--clip-norm 0: a number above 0, or 'off' was expected"],
] as const)('--%s %s is refused with what was expected', (name, text, message) => {
  expect(() => flag(name, text)).toThrow(message)
})

test.each([
  [
    { objective: 'iwae', samplesMilestones: [[2, 5]], epochs: 3 },
    [
      '--samples-milestones: the bound is IWAE_1, then IWAE_5, each higher for the same model; the best snapshot is chosen after epoch 2',
    ],
  ],
  [{ samplesMilestones: [[2, 5]], epochs: 3 }, []],
  [
    { samplesMilestones: [[3, 5]], epochs: 3 },
    ['--samples-milestones 3:5: the run ends with epoch 3, so there are never 5 draws; add --epochs 4 or more'],
  ],
] as const)('a run is told what its number of draws means: %o', (changes, cautions) => {
  expect(vae.cautions?.(resolveConfig(changes))).toEqual(cautions)
})

test('flags become values', () => {
  expect(flag('samplesMilestones', '100:5,150:50')).toEqual([
    [100, 5],
    [150, 50],
  ])
  expect(flag('samplesMilestones', 'off')).toBeNull()
  expect(flag('hidden', '200,100')).toEqual([200, 100])
  expect(flag('learningRate', '5e-4')).toBe(5e-4)
  expect(flag('clipNorm', 'off')).toBeNull()
  expect(flag('filters', '32,64')).toEqual([32, 64])
  expect(flag('filters', 'off')).toBeNull()
})

test('every default passes its own check, and every flag name is its setting in kebab case', () => {
  for (const [name, { schema, value }] of Object.entries(vaeFlags)) {
    expect((schema as Setting<unknown>['schema']).safeParse(value).success, name).toBe(true)
    expect(kebabCase(name)).toMatch(/^[a-z0-9-]+$/)
  }
})

test.each([
  ['{"epoch": 3}', "c.json: there is no setting 'epoch'; did you mean 'epochs'?"],
  ['{"toString": 3}', "c.json: there is no setting 'toString'"],
  ['{"epochs": "3"}', 'c.json: epochs: "3" was given; a whole number from 1 to '],
  ['{"hidden": 400}', 'c.json: hidden: 400 was given; whole numbers'],
  ['[]', 'c.json: an object of settings was expected'],
  ['{"epochs": 3', 'c.json: not JSON'],
])('a config file %s is refused with its path and field', (json, message) => {
  expect(() => vaeSettings.parse(json, 'c.json')).toThrow(message)
})

test('any JSON is either a configuration or one line that begins with the path', () => {
  fc.assert(
    fc.property(fc.json(), json => {
      try {
        expect(resolveConfig(vaeSettings.parse(json, 'c.json'))).toMatchObject(JSON.parse(json))
      } catch (error) {
        expect((error as Error).message).toMatch(/^c\.json: [^\n]+$/)
      }
    }),
  )
})

test('later sources override earlier ones, and the resolved configuration reads back as itself', () => {
  const config = resolveConfig(presets.burda2015.config, { epochs: 3 })
  expect(config).toMatchObject({ hidden: [200, 200], latentDim: 50, epochs: 3, batchSize: 100 })
  expect(vaeSettings.complete(vaeSettings.parse(JSON.stringify(config), 'c.json'), 'c.json')).toEqual(config)
})

test('a file of an older version is complete if the settings that it lacks are off by default', () => {
  const { threads, ...older } = resolveConfig({ threads: 2 })
  expect(threads).toBe(2)
  expect(vaeSettings.complete(older, 'c.json')).toEqual(resolveConfig())
})

test('a run of a version without upper layers of z is read as one that has none', () => {
  const { upperLatentDim: _, upperHidden: __, ...older } = resolveConfig()
  expect(vaeSettings.complete(older, 'c.json')).toMatchObject({ upperLatentDim: null, upperHidden: null })
})

test.each<[Partial<VaeConfig>, string]>([
  [
    { upperLatentDim: 5 },
    '--upper-latent-dim 5: the KL term of two latent layers has no closed form; add --kl monte-carlo',
  ],
  [{ upperHidden: [9] }, '--upper-hidden 9: needs --upper-latent-dim: this model has one latent layer'],
  [{ upperLatentDim: 5, kl: 'monte-carlo', freeBits: 1 }, '--free-bits 1: needs the KL term of each latent dimension'],
  [
    { upperLatentDim: 5, latents: 'bernoulli', estimator: 'score' },
    '--latents bernoulli: a model with two latent layers has Gaussian z',
  ],
])('a setting that does not fit two layers of z is refused: %o', (changes, message) => {
  expect(() => resolveConfig(changes)).toThrow(message)
})

test('a run of a version without a precision is one in float32, and cannot go on in another', () => {
  const { precision, ...older } = resolveConfig()
  expect(precision).toBe('float32')
  const saved = vaeSettings.complete(older, 'c.json')
  expect(vaeSettings.fixed(saved)).toEqual(vaeSettings.fixed(resolveConfig()))
  expect(() => vaeSettings.resume(saved, { precision: 'bfloat16' })).toThrow('the run began with "float32"')
})

test.each<[Partial<VaeConfig>, string]>([
  [{ prior: 'vamp' }, '--prior vamp: the KL term to a learned prior has no closed form; add --kl monte-carlo'],
  [{ prior: 'mixture', kl: 'monte-carlo', freeBits: 1 }, '--free-bits 1: needs the KL term of each latent dimension'],
  [{ priorComponents: 20 }, '--prior-components 20: has no effect with --prior normal'],
  [
    { prior: 'mixture', latents: 'bernoulli', estimator: 'score', kl: 'monte-carlo' },
    '--prior mixture: needs one layer of Gaussian z; leave it out, or leave out --latents bernoulli',
  ],
  [
    { prior: 'vamp', upperLatentDim: 5, kl: 'monte-carlo' },
    '--prior vamp: needs one layer of Gaussian z; leave it out, or leave out --upper-latent-dim 5',
  ],
  [{ prior: 'vamp', objective: 'wake-sleep', kl: 'monte-carlo' }, '--prior vamp: this prior is made of the encoder'],
  [{ prior: 'vamp', kl: 'monte-carlo', precision: 'bfloat16' }, '--precision bfloat16: log p(z) of --prior vamp'],
  [{ activation: 'gated', filters: [32, 64] }, '--activation gated: is for fully connected layers'],
])('a setting that does not fit the prior, or gates, is refused: %o', (changes, message) => {
  expect(() => resolveConfig(changes)).toThrow(message)
})

test.each<Partial<VaeConfig>>([
  { prior: 'vamp', objective: 'iwae', samples: 5, estimator: 'dreg' },
  { prior: 'mixture', objective: 'wake-sleep', kl: 'monte-carlo', priorComponents: 20 },
])('a learned prior goes with %o', changes => {
  expect(resolveConfig(changes)).toMatchObject(changes)
})

test('a setting that is missing is named', () => {
  expect(() => vaeSettings.complete({}, 'c.json')).toThrow("c.json: the setting 'epochs' is missing")
})

test('a resumed run may train longer, but may not change what it has learned with', () => {
  const saved = resolveConfig({})
  expect(vaeSettings.resume(saved, { epochs: 40, backend: 'cpu' })).toEqual({ ...saved, epochs: 40, backend: 'cpu' })
  expect(vaeSettings.resume(saved, { seed: saved.seed })).toEqual(saved)
  expect(() => vaeSettings.resume(saved, { latentDim: 3 })).toThrow(
    `--latent-dim 3: the run began with ${saved.latentDim}`,
  )
})

test.each([
  [{ beta: 0.5 }, '--beta 0.5'],
  [{ klWarmup: 3 }, '--kl-warmup 3'],
])('%o is refused where the objective would ignore it', (changes, flag) => {
  expect(resolveConfig(changes)).toMatchObject(changes)
  expect(() => resolveConfig({ objective: 'wake-sleep', ...changes })).toThrow(
    `${flag}: has no effect with --objective wake-sleep; leave it out, or use --objective elbo`,
  )
})

test.each([
  [{ patience: 3 }, '--patience 3'],
  [{ validationImages: 100 }, '--validation-images 100'],
])('%o is refused where nothing is validated', (changes, flag) => {
  expect(() => resolveConfig({ validation: 'none', ...changes })).toThrow(
    `${flag}: has no effect with --validation none; leave one of the two out`,
  )
})

test.each([
  [{ objective: 'iwae', beta: 0.5 }, '--beta 0.5: has no effect with --objective iwae'],
  [{ objective: 'iwae', kl: 'monte-carlo' }, '--kl monte-carlo: has no effect with --objective iwae'],
  [{ objective: 'iwae', estimator: 'stl' }, '--estimator stl: is biased for --objective iwae; use --estimator dreg'],
  [{ estimator: 'dreg' }, '--estimator dreg: needs --objective iwae'],
  [{ estimator: 'stl' }, '--estimator stl: needs a sampled KL term; add --kl monte-carlo'],
  [
    { optimizer: 'sgd', beta1: 0.5 },
    '--beta1 0.5: has no effect with --optimizer sgd; leave it out, or use --optimizer adam or adamax or momentum',
  ],
  [{ optimizer: 'momentum', epsilon: 1e-4 }, '--epsilon 0.0001: has no effect with --optimizer momentum'],
  [{ baseline: 'input' }, '--baseline input: has no effect with --estimator pathwise'],
  [
    {
      samplesMilestones: [
        [5, 2],
        [5, 3],
      ],
    },
    '--samples-milestones: the epochs must increase, and 5 does not',
  ],
  [{ samples: 2, samplesMilestones: [[5, 2]] }, '--samples-milestones 5:2: the number of draws must grow'],
  [
    {
      samplesMilestones: [
        [5, 10],
        [9, 3],
      ],
    },
    '--samples-milestones 9:3: the number of draws must grow',
  ],
  [
    { estimator: 'score', baseline: 'leave-one-out' },
    '--baseline leave-one-out: needs two draws or more, and --samples is 1; use --samples 2',
  ],
  [{ latents: 'bernoulli' }, '--latents bernoulli: --estimator pathwise cannot differentiate binary draws of z'],
  [{ freeBits: 0.1, kl: 'monte-carlo' }, '--free-bits 0.1: needs the KL term of each latent dimension in closed form'],
  [{ pixelVariance: 0.1 }, '--pixel-variance 0.1: has no effect with --likelihood bernoulli'],
  [{ likelihood: 'gaussian', binarize: 'none' }, '--likelihood gaussian: needs --pixel-variance, a number above 0'],
  [{ binarize: 'none' }, '--binarize none: --likelihood bernoulli is a probability of binary pixels'],
  [
    { likelihood: 'continuous-bernoulli' },
    '--likelihood continuous-bernoulli: is a density of values in [0, 1]; add --binarize none',
  ],
  [
    { precision: 'bfloat16', compile: 'graph' },
    '--precision bfloat16: --compile graph computes in float32; use --compile xla, or leave --precision out',
  ],
  [
    { precision: 'bfloat16', backend: 'wasm' },
    '--precision bfloat16: --backend wasm computes in float32; use --backend tensorflow or cuda',
  ],
] as const)('%o is refused: %s', (changes, message) => {
  expect(() => resolveConfig(changes)).toThrow(message)
})

test('every preset is a valid configuration', () => {
  for (const { config } of Object.values(presets)) expect(resolveConfig(config)).toMatchObject(config)
})
