// A run that begins with the weights of another one.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { readRunSnapshot } from '../../src/runs/trained-run.js'
import { withStep } from '../../src/runs/warm-start.js'
import { smallMnist } from '../support/idx-file.js'
import { stopAfterFirstStep, type TrainingOptions, trainSmall } from '../support/runs.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const checkpoints = temporaryFolder()
const data = smallMnist(600, 100)

/** Trains the run of this name. */
const run = (name: string, changes: Partial<VaeConfig>, options: TrainingOptions = {}) =>
  trainSmall(join(checkpoints, name), { data, epochs: 1, ...changes }, options)

const tensors = (name: string, which: 'latest' | 'best' = 'latest') =>
  readRunSnapshot(join(checkpoints, name), which).snapshot.tensors

beforeAll(async () => {
  await run('first', {})
  await run('first', { epochs: 2 }, { ...stopAfterFirstStep(), resume: true }) // latest is a step further than best
})

const tighter: Partial<VaeConfig> = { initFrom: 'first', objective: 'iwae', estimator: 'dreg', samples: 3, seed: 2 }

test('a warm start takes the networks of the other run and a new optimizer', async () => {
  const trained = tensors('first', 'best')
  expect(tensors('first').get('decoder/logits/bias')).not.toEqual(trained.get('decoder/logits/bias'))
  let begun = trained
  const started = () => {
    begun = tensors('second')
  }
  await run('second', tighter, { observer: { started } })
  const weights = [...begun.keys()].filter(name => /^(encoder|decoder)\//.test(name))
  expect(weights).toHaveLength(10) // kernel and bias of a hidden layer and two heads, of a hidden layer and one head
  for (const name of weights) expect(begun.get(name), name).toEqual(trained.get(name))
  const slots = [...begun].filter(([name]) => /^optimizer\/.*kernel/.test(name))
  expect(slots.length).toBeGreaterThan(0)
  for (const [name, { data }] of slots) expect(new Set(data), name).toEqual(new Set([0]))
  expect([...trained].some(([name, { data }]) => name.startsWith('optimizer/') && data.some(value => value > 0))).toBe(
    true,
  )
  expect(tensors('second').get('decoder/logits/bias')).not.toEqual(trained.get('decoder/logits/bias'))
})

test('a run with a warm start is resumed without the other run, byte for byte', async () => {
  await run('parent', { validation: 'none' })
  const child: Partial<VaeConfig> = {
    ...tighter,
    validation: 'none',
    initFrom: withStep('parent', join(checkpoints, 'parent')),
  }
  expect(child.initFrom).toBe('parent@12')
  await run('whole', child)
  await run('stopped', child, stopAfterFirstStep())
  rmSync(join(checkpoints, 'parent'), { recursive: true })
  await run('stopped', child, { resume: true })
  expect(tensors('stopped')).toEqual(tensors('whole'))
})

test('a run of a version without learned priors is resumed, and gives its weights to another', async () => {
  await run('whole-older', { epochs: 2 })
  await run('older', {})
  const path = join(checkpoints, 'older', 'config.json')
  const { prior: _, priorComponents: __, ...older } = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify(older))
  await run('heir', { ...tighter, initFrom: 'older' })
  await run('older', { epochs: 2 }, { resume: true })
  expect(tensors('older')).toEqual(tensors('whole-older'))
})

test.each<[string, Partial<VaeConfig>, string]>([
  ['a learned prior', { prior: 'mixture', kl: 'monte-carlo' }, 'with --prior normal, this run has --prior mixture'],
  ['hidden layers', { hidden: [8] }, 'first was trained with --hidden 16, this run has --hidden 8; use the same'],
  ['latent dimensions', { latentDim: 3 }, 'first was trained with --latent-dim 4, this run has --latent-dim 3'],
  [
    'a snapshot that is not there any more',
    { initFrom: 'first@99' },
    'the best snapshot of FOLDER/first is at step 10',
  ],
  ['activation, which no shape tells', { activation: 'tanh' }, 'with --activation elu, this run has --activation tanh'],
  [
    'an upper layer of z',
    { upperLatentDim: 2, kl: 'monte-carlo' },
    'with --upper-latent-dim off, this run has --upper-latent-dim 2',
  ],
  [
    'another likelihood',
    { likelihood: 'continuous-bernoulli', binarize: 'none' },
    'with --likelihood bernoulli, this run has --likelihood continuous-bernoulli',
  ],
])('a warm start from other networks is refused: %s', async (_, changes, message) => {
  await expect(run('refused', { initFrom: 'first', ...changes })).rejects.toThrow(
    message.replace('FOLDER', checkpoints),
  )
})

test('a warm start with images of another size is refused', async () => {
  const smaller = smallMnist(600, 100, { stride: 2 })
  await expect(run('refused', { initFrom: 'first', data: smaller })).rejects.toThrow(
    'images of 28x28, this run has 14x14',
  )
})

test('a run is not validated on images that its first weights were learned from', async () => {
  await run('all', { validation: 'none' })
  await expect(run('leaking', { initFrom: 'all' })).rejects.toThrow(
    'all was trained on images that this run would be validated on; add --validation none',
  )
  await run('half', { validation: 'none', trainImages: 300 })
  expect((await run('clean', { initFrom: 'half' })).ended).toBe('finished')
})
