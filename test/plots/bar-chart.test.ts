// The bar chart: what its SVG says, and that its bars are as long as their values.
import { describe, expect, test } from 'vitest'
import { barChart } from '../../src/plots/bar-chart.js'
import { type Bar, type BarChartSpec, barLabel } from '../../src/plots/bar-spec.js'
import { svgToPng } from '../../src/plots/svg-to-png.js'
import { countText, margin, parse, texts } from './svg.js'

function chart(spec: Partial<BarChartSpec>): BarChartSpec {
  return { title: 'Speed', xLabel: 'ms per step', columns: ['small'], groups: [group(1, 2)], ...spec }
}

/** One group with a row 'a', 'b', … for each value. */
function group(...values: (number | Bar | string)[]) {
  const rows = values.map((value, index) => ({
    name: String.fromCharCode(97 + index),
    bars: [typeof value === 'number' ? { value } : value],
  }))
  return { name: 'elbo', rows }
}

/** The bars from top to bottom. */
function bars(svg: string) {
  return [...parse(svg).querySelectorAll('rect')].map(rect => {
    const [x, width] = ['x', 'width'].map(name => Number(rect.getAttribute(name)))
    const fill = rect.getAttribute('fill') ?? rect.parentElement?.getAttribute('fill')
    return { x: x ?? Number.NaN, width: width ?? Number.NaN, fill }
  })
}

describe('barChart', () => {
  test('shows title, subtitle, unit, columns, groups, rows, the value of every bar and the text in place of a missing one', () => {
    const groups = [
      { name: 'elbo', rows: [{ name: 'xla', bars: [{ value: 5.071 }, { value: 61 }] }] },
      { name: 'Python', rows: [{ name: 'PyTorch', bars: [{ value: 7 }, 'out of memory'] }] },
    ]
    const svg = barChart(chart({ subtitle: 'MNIST', columns: ['small', 'very\nlarge'], groups }))
    const rest = ['elbo', 'Python', 'xla', 'PyTorch', '5.07', '61.0', '7.00', 'out of memory']
    const unit = 'ms per step · each column has its own scale'
    expect(texts(svg).sort()).toEqual(['Speed', 'MNIST', unit, 'small', 'very large', ...rest].sort())
  })

  test('draws bars in proportion to their values, each column on a scale of its own from 0', () => {
    const rows = [
      { name: 'a', bars: [{ value: 1 }, { value: 300 }] },
      { name: 'b', bars: [{ value: 2 }, { value: 100 }] },
    ]
    const svg = barChart(chart({ columns: ['small', 'large'], groups: [{ name: '', rows }] }))
    const [a1, a2, b1, b2] = bars(svg)
    expect((b1?.width ?? 0) / (a1?.width ?? 0)).toBeCloseTo(2)
    expect((a2?.width ?? 0) / (b2?.width ?? 0)).toBeCloseTo(3)
    expect(a2?.width).toBeCloseTo(b1?.width ?? 0)
    expect([b1?.x, b2?.x]).toEqual([a1?.x, a2?.x])
  })

  test('cuts a bar that is much longer than the others, says so, and still writes its value', () => {
    const svg = barChart(chart({ groups: [group(4, 5, 6, 100)] }))
    const [four, , six, cut] = bars(svg)
    expect((six?.width ?? 0) / (four?.width ?? 0)).toBeCloseTo(1.5)
    expect(cut?.width).toBeCloseTo(six?.width ?? 0)
    expect(texts(svg)).toEqual(expect.arrayContaining(['100', 'Bars with a gap are cut: their length is not to scale']))
    expect(texts(barChart(chart({ groups: [group(4, 5, 6)] }))).join()).not.toContain('cut')
  })

  test('draws the range of a bar, within the scale', () => {
    const lines = (svg: string) => [...parse(svg).querySelectorAll('[aria-label="link"] path')]
    const plain = barChart(chart({ groups: [group(1, 2)] }))
    const ranged = barChart(chart({ groups: [group({ value: 1, low: 0.5, high: 4 }, 2)] }))
    expect(lines(ranged)).toHaveLength(lines(plain).length + 1)
    const [, two] = bars(plain)
    const [one, half] = bars(ranged)
    expect(half?.width).toBeCloseTo((two?.width ?? 0) / 2)
    const { x = 0, width = 0 } = one ?? {}
    const ends = lines(ranged).map(line =>
      line
        .getAttribute('d')
        ?.match(/[\d.]+/g)
        ?.map(Number),
    )
    const range = ends.find(([x1, , x2] = []) => x1 !== x2)
    expect(range?.[0]).toBeCloseTo(x + width / 2)
    expect(range?.[2]).toBeCloseTo(x + width * 4)
  })

  test('gives each group a colour, and grey to the quiet ones', () => {
    const groups = [group(1), group(2), { ...group(3), quiet: true }]
    const colors = bars(barChart(chart({ groups }))).map(({ fill }) => fill)
    expect(colors).toEqual(['#0072B2', '#D55E00', '#b4b4b4'])
  })

  test.each([
    ['words', 'a long name of many words that goes on, and on, and on, until nobody reads it any more, really'],
    ['one word', 'W'.repeat(120)],
  ])('shows long texts in full: %s', (_, name) => {
    const rows = [
      { name, bars: [{ value: 1234, high: 2345 }] },
      { name: 'absent', bars: [name] },
    ]
    const spec = { title: name, subtitle: name, xLabel: name, columns: [name], groups: [{ name, rows }] }
    const svg = barChart(spec)
    expect(countText(svg, name)).toBe(7)
    expect(margin(svg)).toBeGreaterThanOrEqual(15)
  })

  test('is well-formed XML whatever the names contain, and the same text for the same data', () => {
    const name = 'a<b> & "c" \'d\''
    const spec = chart({ title: name, columns: [name] })
    expect(() => svgToPng(barChart(spec))).not.toThrow()
    expect(texts(barChart(spec)).filter(text => text === name)).toHaveLength(2)
    expect(barChart(spec)).toBe(barChart(spec))
  })

  test('refuses what it cannot draw in one clear line', () => {
    const refusals = [
      [[group('failed')], 'at least one bar is needed'],
      [[group(1, -2)], "bar 'b' must have finite 0 <= low <= value <= high, but has -2, -2, -2"],
      [[group(Number.NaN)], "bar 'a' must have finite 0 <= low <= value <= high, but has NaN, NaN, NaN"],
      [[group({ value: 2, low: 3 })], "bar 'a' must have finite 0 <= low <= value <= high, but has 3, 2, 2"],
    ] as const
    for (const [groups, reason] of refusals)
      expect(() => barChart(chart({ groups }))).toThrow(new RangeError(`bar chart 'Speed': ${reason}`))
    expect(() => barChart(chart({ columns: ['one', 'two'] }))).toThrow(
      new RangeError("bar chart 'Speed': row 'a' must have one bar for each of the 2 columns, but has 1"),
    )
  })
})

describe('barLabel', () => {
  test('gives three significant digits, and all digits before the point', () => {
    const labels = [0, 0.01234, 0.5, 5.071, 44.11, 210.4, 1234.5].map(barLabel)
    expect(labels).toEqual(['0', '0.0123', '0.500', '5.07', '44.1', '210', '1,235'])
  })
})
