// Tables of settings: newer settings, resuming, and the nearest word for a misspelt one.
import { expect, test } from 'vitest'
import { nearest } from '../../src/settings/nearest.js'
import { choice, wholeNumber } from '../../src/settings/setting.js'
import { settingsTable } from '../../src/settings/table.js'

const table = settingsTable({
  size: wholeNumber([1, 9], 3, 'size'),
  held: { ...choice(['some', 'none'], 'some', 'what is held out'), added: true as const },
})

test('a setting that older runs lack stays absent, means its default, and is in snapshots only where it differs', () => {
  const old = table.complete({ size: 4 }, 'config.json')
  expect(old).toEqual({ size: 4 })
  expect(table.fixed(old)).toEqual({ size: 4 })
  expect(table.resume(old, { held: 'some' })).toEqual({ size: 4, held: 'some' })
  expect(() => table.resume(old, { held: 'none' })).toThrow('the run began with "some"')
  expect(table.fixed(table.resolve())).toEqual({ size: 3 })
  expect(table.fixed(table.resolve({ held: 'none' }))).toEqual({ size: 3, held: 'none' })
  expect(() => table.complete({ held: 'none' }, 'config.json')).toThrow("config.json: the setting 'size' is missing")
})

test.each([
  ['bernouli', 'bernoulli-mixture'],
  ['guassian', 'gaussian-mixture'],
  ['pca', 'ppca'],
  ['factor', 'factor-analysis'],
])('%s is taken for %s', (given, expected) => {
  expect(nearest(given, ['vae', 'bernoulli-mixture', 'gaussian-mixture', 'factor-analysis', 'ppca'])).toBe(expected)
})
