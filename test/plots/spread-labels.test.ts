// Labels spread apart: never over one another, and moved no more than needed.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { spreadLabels } from '../../src/plots/spread-labels.js'

describe('spreadLabels', () => {
  test('leaves labels alone that do not touch', () => {
    const labels = [
      { centre: 80, height: 10 },
      { centre: 20, height: 30 },
    ]
    expect(spreadLabels(labels, 0, 100)).toEqual([80, 20])
  })

  test('moves two labels that want one place by half a height each, in the order given', () => {
    const labels = [50, 50].map(centre => ({ centre, height: 10 }))
    expect(spreadLabels(labels, 0, 100)).toEqual([45, 55])
  })

  test('pushes labels back inside', () => {
    const labels = [-20, 0, 100].map(centre => ({ centre, height: 10 }))
    expect(spreadLabels(labels, 0, 100)).toEqual([5, 15, 95])
  })

  test('keeps any labels apart, inside and in the order of their wishes', () => {
    const label = fc.record({ centre: fc.integer({ min: -50, max: 550 }), height: fc.integer({ min: 1, max: 40 }) })
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 12 }), labels => {
        const placed = spreadLabels(labels, 0, 500)
        const boxes = labels.map(({ centre, height }, index) => ({ wish: centre, height, centre: placed[index] ?? -1 }))
        boxes.sort((a, b) => a.wish - b.wish || a.centre - b.centre)
        let bottom = 0
        for (const { centre, height } of boxes) {
          expect(centre - height / 2).toBeGreaterThanOrEqual(bottom - 1e-9)
          bottom = centre + height / 2
        }
        expect(bottom).toBeLessThanOrEqual(500 + 1e-9)
      }),
    )
  })
})
