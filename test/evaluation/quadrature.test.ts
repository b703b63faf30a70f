// Quadrature warns of a grid that does not fit: q(z|x) lies beyond it or between its points, or its cells are too wide.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { evaluateQuadrature } from '../../src/commands/evaluate/by-quadrature.js'
import type { Vae } from '../../src/models/vae.js'
import { useBackend } from '../support/backend.js'
import { imagesOf } from '../support/images.js'
import { setWeights, smallVae } from '../support/vae.js'
import { measuringOf } from './measuring.js'

beforeAll(() => useBackend())

/** q(z|x) = N(mu, exp(logVar) I) for every image, and a posterior that is wide. */
function vaeOf(mu: number, logVar: number, latentDim = 2): Vae {
  const vae = smallVae({ latentDim })
  const heads = { mu, log_var: logVar }
  for (const [head, value] of Object.entries(heads))
    setWeights(vae.encoder, {
      [`${head}/kernel`]: tf.zeros([3, latentDim]),
      [`${head}/bias`]: tf.fill([latentDim], value),
    })
  return vae
}

interface Printed {
  json: Record<string, unknown>
  lines: string[]
}

/** Of a black and a white image. */
async function measured(vae: Vae, grid: number, extent = 8): Promise<Printed> {
  const images = imagesOf({ rows: 2, columns: 2 }, Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255))
  const { measuring, printed } = measuringOf(vae, images)
  const { json } = await evaluateQuadrature(measuring, { grid, extent, save: null })
  return { json: json as Printed['json'], lines: printed }
}

const warnings = ({ lines }: Printed) => lines.filter(line => line.startsWith('warning: '))
const claimsFarLess = ({ lines }: Printed) => lines.some(line => line.includes('far smaller'))

test('on a grid that covers q and the posterior q sums to 1, and there is no warning', async () => {
  const result = await measured(vaeOf(0.5, -1), 81)
  expect(warnings(result)).toEqual([])
  expect(claimsFarLess(result)).toBe(true)
  const { qMass, gap } = result.json as { qMass: { worst: number; imagesOff: number }; gap: { mean: number } }
  expect(qMass.imagesOff).toBe(0)
  expect(Math.abs(qMass.worst - 1)).toBeLessThan(1e-5)
  expect(gap.mean).toBeGreaterThan(0)
})

test.each([
  ['has its mean beyond the grid', 12, -1],
  ['is wider than the grid', 0, 8],
  ['is narrower than a cell and lies at a point', 0, -14],
  ['is narrower than a cell and lies between points', 3.14, -20],
])('where q %s its images are counted, and nothing is NaN', async (_, mu, logVar) => {
  const result = await measured(vaeOf(mu, logVar), 81)
  expect(result.json.qMass).toMatchObject({ imagesOff: 2 })
  const [warning] = warnings(result)
  expect(warning).toContain('warning: q(z|x) of 2 images does not sum to 1 over the grid')
  expect(warning).toContain('their ELBO and gap are left out, log p(x) is not affected')
  expect(Object.keys(result.json)).not.toContain('elbo')
  expect(result.lines.some(line => /^(ELBO|gap|KL)/.test(line))).toBe(false)
  expect(claimsFarLess(result)).toBe(false)
  expect(JSON.stringify(result.json)).not.toContain('null')
})

test('a grid that is fine in one dimension is refused in two before any point is computed', async () => {
  const fine = await measured(vaeOf(0.5, -12, 1), 9999)
  expect(warnings(fine)).toEqual([])
  const coarse = await measured(vaeOf(0.5, -1, 1), 201)
  const logPx = ({ json }: Printed) => (json.logPx as { mean: number }).mean
  expect(logPx(fine)).toBeCloseTo(logPx(coarse), 5) // that of the decoder, which is the same
  await expect(measured(vaeOf(0.5, -12), 9999)).rejects.toThrow('--grid 9999: 9999^2 points would take too long')
})

test('cells that are too wide and a posterior beyond the grid give a warning, and no claim of a small error', async () => {
  const wide = await measured(vaeOf(0.5, -1), 9)
  expect(warnings(wide)[0]).toMatch(/with half the points along each axis .* nats; use a larger --grid/)
  const beyond = await measured(vaeOf(0, -6), 81, 0.3)
  expect(warnings(beyond)[0]).toMatch(/lies on the border of the grid; use a larger --extent/)
  for (const result of [wide, beyond]) expect(claimsFarLess(result)).toBe(false)
})
