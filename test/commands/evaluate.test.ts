// `elbo evaluate` and `elbo gradients` as users run them, on a run of a part of MNIST.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { decodeSafetensors } from '../../src/files/safetensors.js'
import { commandLine } from '../support/command-line.js'
import { smallFlags, trainFirst } from './first-run.js'

const line = commandLine()
const { home, checkpoints, json, succeed, refused } = line
const readValues = (file: string) => decodeSafetensors(readFileSync(join(home, file)), file)

beforeAll(() => void trainFirst(line, '--compile', 'off'))

test('evaluate states its samples and errors; elbo = reconstruction - kl; the bound is below log p(x)', () => {
  const result = json('evaluate', 'first', '--samples', '64', '--save', 'values.safetensors')
  expect(result).toMatchObject({
    run: 'first',
    split: 'test',
    images: 120,
    samples: 64,
    binarize: 'dynamic',
    latentDim: 2,
  })
  expect(result.elbo.mean).toBeCloseTo(result.reconstruction.mean - result.kl.mean, 3)
  expect(result.logPx.mean).toBeGreaterThan(result.elbo.mean)
  expect(result.logPx.standardError).toBeGreaterThan(result.logPxMonteCarloError)
  const { tensors, metadata } = readValues('values.safetensors')
  const made = { run: 'first', snapshot: 'best', step: expect.stringMatching(/^[1-9]/), seed: '1' }
  expect(metadata).toMatchObject({ ...made, method: 'importance', samples: '64', defensive: '0' })
  expect(tensors.get('x')?.shape).toEqual([120, 28, 28])
  expect(new Set(tensors.get('x')?.data)).toEqual(new Set([0, 1]))
  const mean = (name: string) => [...(tensors.get(name)?.data ?? [])].reduce((sum, value) => sum + value, 0) / 120
  expect(mean('log_px')).toBeCloseTo(result.logPx.mean, 4)
  expect(mean('elbo')).toBeCloseTo(result.elbo.mean, 4)
})

test('the same evaluation twice gives the same numbers', () => {
  const args = ['evaluate', 'first', '--samples', '8', '--compile', 'off'] as const
  expect(json(...args)).toEqual(json(...args))
})

test('evaluate --gaps splits log p(x) - ELBO in two, and says on how many images and samples', () => {
  const result = json('evaluate', 'first', '--gaps', '--gap-images', '20', '--gap-steps', '60', '--samples', '64')
  expect(result).toMatchObject({ run: 'first', split: 'test', images: 20, samples: 64, steps: 60 })
  const { elbo, meanFieldElbo, logPx, tighter, amortizationGap, approximationGap, gap } = result
  expect(amortizationGap.mean).toBeGreaterThan(4 * amortizationGap.standardError) // two epochs leave a poor encoder
  expect(amortizationGap.mean).toBeCloseTo(meanFieldElbo.mean - elbo.mean, 3)
  expect(approximationGap.mean).toBeCloseTo(logPx[tighter].mean - meanFieldElbo.mean, 3)
  expect(gap.mean).toBeCloseTo(amortizationGap.mean + approximationGap.mean, 3)
})

test('evaluate of a run of grey images mentions no binarization, and of a whole split not "the first" images', () => {
  const grey = ['--likelihood', 'gaussian', '--pixel-variance', '0.05', '--binarize', 'none']
  succeed('train', '--run', 'grey', '--epochs', '1', '--compile', 'off', ...smallFlags, ...grey)
  const gaps = ['--gaps', '--gap-steps', '2', '--samples', '3', '--compile', 'off']
  const lines = (...args: string[]) => succeed('evaluate', 'grey', ...gaps, ...args).split('\n')
  const measured = 'test images of small, grey values in [0, 1], 3 samples of z each, best q(z) after 2 gradient steps'
  expect(lines()[0]).toBe(`120 ${measured}`)
  expect(lines('--gap-images', '7')[0]).toBe(`the first 7 ${measured}`)
  const { bitsPerDimension } = json('evaluate', 'grey', '--samples', '3', '--compile', 'off')
  expect(bitsPerDimension.of).toBe('density times the width of a grey level')
})

test('every method of evaluate gives its log p(x), of as many images as were asked for', () => {
  const images = ['--images', '12', '--compile', 'off']
  const importance = json('evaluate', 'first', ...images, '--samples', '500', '--reference')
  expect(importance.bitsPerDimension.mean).toBeCloseTo(-importance.logPx.mean / 784 / Math.LN2, 9)
  expect(importance.distortion.mean).toBeCloseTo(-importance.elbo.mean - importance.rate.mean, 9)
  expect(importance.effectiveSamples.smallest).toBeGreaterThanOrEqual(1)
  for (const { incomparable } of importance.published) expect(incomparable).toBe('other data than small')

  const grid = ['--method', 'quadrature', '--grid', '161', '--save', 'q.safetensors']
  const quadrature = json('evaluate', 'first', ...images, ...grid)
  expect(quadrature.logPx.mean).toBeCloseTo(quadrature.elbo.mean + quadrature.gap.mean, 9)
  expect(Math.abs(quadrature.half.logPx.mean)).toBeLessThan(0.01)
  const expectNearQuadrature = ({ logPx, logPxMonteCarloError }: typeof importance) =>
    expect(Math.abs(quadrature.logPx.mean - logPx.mean)).toBeLessThan(5 * logPxMonteCarloError + 0.02)
  expectNearQuadrature(importance)
  expect(readValues('q.safetensors').tensors.get('x')?.shape).toEqual([12, 28, 28])

  const mixture = json('evaluate', 'first', ...images, '--samples', '500', '--defensive', '0.5')
  expect([mixture.samples, mixture.fromPrior]).toEqual([500, 250])
  expectNearQuadrature(mixture)

  const effort = ['--temperatures', '20', '--chains', '4', '--leapfrog-steps', '2', '--compile', 'off']
  const ais = json('evaluate', 'first', '--images', '12', '--method', 'ais', ...effort)
  expect(ais).toMatchObject({ images: 12, temperatures: 20, chains: 4, leapfrogSteps: 2 })
  expect(ais.logPx.mean).toBeGreaterThan(ais.elbo.mean)
  expect(ais.logPx.mean).toBeLessThan(quadrature.logPx.mean + 4 * ais.logPxMonteCarloError)
  const { forward, reverse, gap } = json('evaluate', 'first', '--simulated', '12', '--method', 'ais', ...effort)
  expect(gap.mean).toBeCloseTo(reverse.logPx.mean - forward.logPx.mean, 4)
  expect(forward.logPxMonteCarloError).toBeGreaterThan(0)
  expect(reverse).not.toHaveProperty('logPxMonteCarloError') // its chains are dependent
})

test('gradients measures each estimator against the pathwise one, and draws a chart', () => {
  const asked = ['--ks', '1,2', '--draws', '20', '--batch-size', '5', '--compile', 'off']
  const { rows, interrupted, images } = json('gradients', 'first', '--objectives', 'elbo', ...asked)
  const found = rows.map(({ estimate, samples }: { estimate: string; samples: number }) => `${estimate} ${samples}`)
  expect([images, interrupted]).toEqual([5, false])
  expect(found).toEqual([
    ...['pathwise 1', 'score:running-mean 1', 'score:none 1'],
    ...['pathwise 2', 'score:leave-one-out 2', 'score:running-mean 2', 'score:none 2'],
  ])
  expect(rows[2].encoder.varianceRatio).toBeGreaterThan(10)
  expect(rows[2].decoder.agreement.squaredZ).toBeLessThan(3)
  for (const file of ['gradients.svg', 'gradients.png'])
    expect(existsSync(join(checkpoints, 'first', 'plots', file)), file).toBe(true)
})

test('a run with two layers of z is trained, measured by two methods, drawn and exported; what needs one layer is refused', () => {
  const layers = [
    '--upper-latent-dim',
    '3',
    '--upper-hidden',
    '4',
    '--objective',
    'iwae',
    '--samples',
    '2',
    '--compile',
    'off',
  ]
  succeed('train', '--run', 'layers', '--epochs', '1', ...smallFlags, ...layers)
  const measured = json('evaluate', 'layers', '--samples', '20', '--images', '40', '--compile', 'off')
  expect(measured.layers.map(({ latentDim }: { latentDim: number }) => latentDim)).toEqual([2, 3])
  expect(measured.logPx.mean).toBeGreaterThan(measured.elbo.mean)
  const chains = ['--method', 'ais', '--temperatures', '10', '--images', '3', '--compile', 'off']
  expect(json('evaluate', 'layers', ...chains).logPx.mean).toBeLessThan(0)
  const { z } = json('sample', 'layers', '--count', '4')
  expect([z.length, z[0].length]).toEqual([4, 5])
  expect(json('export', 'layers', '--to', 'exported-layers').files).toHaveLength(9)
  refused(2, 'manifold: needs one latent layer; this run has --upper-latent-dim 3', 'manifold', 'layers')
  const noise = ['gradients', 'layers', '--objectives', 'elbo', '--ks', '1', '--draws', '20', '--compile', 'off']
  expect(json(...noise, '--estimators', 'stl').rows).toHaveLength(1) // always samples its KL term
  refused(2, '--kl analytic: the KL term has no closed form with two latent layers; use --kl monte-carlo', ...noise)
})
