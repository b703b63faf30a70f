// Bars, tables and wrapped lines in narrow terminals.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { alignRows } from '../../src/commands/aligned-rows.js'
import { barLine } from '../../src/commands/bar-line.js'
import { wrap } from '../../src/commands/wrap.js'

const state = { done: 430, total: 859, unit: 'steps', text: 'epoch 1/20 | ETA 0:12 | ELBO -110.1 nats/image' }

test('a bar shows as many parts as fit, the first ones first', () => {
  expect(barLine(state, 120)).toBe(
    `${'█'.repeat(12)}${'░'.repeat(12)} 430/859 steps | epoch 1/20 | ETA 0:12 | ELBO -110.1 nats/image`,
  )
  expect(barLine(state, 60)).toMatch(/^█+░+ 430\/859 steps \| epoch 1\/20 \| ETA 0:12$/)
  expect(barLine(state, 25)).toMatch(/^█+░+ 430\/859 steps$/)
  expect(barLine(state, 10)).toBe('430/859 st')
})

test('a bar is never wider than the terminal', () => {
  fc.assert(
    fc.property(
      fc.nat(2000),
      fc.nat(2000),
      fc.string(),
      fc.integer({ min: 1, max: 200 }),
      (done, total, text, columns) => {
        expect(barLine({ done, total, unit: 'images', text }, columns).length).toBeLessThanOrEqual(columns)
      },
    ),
  )
})

const rows = [
  ['method', 'seeds', 'test bound'],
  ['vae-20', '3', '-104.02 ± 0.27'],
]

test('a table that does not fit becomes a list of each row', () => {
  expect(alignRows(rows)).toEqual(['method  seeds      test bound', 'vae-20      3  -104.02 ± 0.27'])
  expect(alignRows(rows, 29)).toEqual(alignRows(rows))
  expect(alignRows(rows, 28)).toEqual(['vae-20', '  seeds       3', '  test bound  -104.02 ± 0.27'])
})

test('wrap breaks at words, and indents what follows', () => {
  expect(wrap('log p(x)  -98.1 ± 0.3  nats/image, of which 0.01 from z', 40, 10)).toEqual([
    'log p(x)  -98.1 ± 0.3  nats/image, of',
    '          which 0.01 from z',
  ])
  expect(wrap('short', 40, 10)).toEqual(['short'])
  expect(wrap('any length', Number.POSITIVE_INFINITY)).toEqual(['any length'])
})
