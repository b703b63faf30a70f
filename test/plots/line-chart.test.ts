// The line chart: what its SVG says and what its picture shows.
import { PNG } from 'pngjs'
import { describe, expect, test } from 'vitest'
import type { ChartPoint, LineChartSpec } from '../../src/plots/chart-spec.js'
import { lineChart } from '../../src/plots/line-chart.js'
import { stackCharts } from '../../src/plots/stack-charts.js'
import { svgToPng } from '../../src/plots/svg-to-png.js'
import { countText, margin, parse, texts } from './svg.js'

const training: ChartPoint[] = [120, 110, 105, 102].map((nats, index) => [index + 1, -nats])

function chart(spec: Partial<LineChartSpec>): LineChartSpec {
  const series = [{ name: 'training', points: training }]
  return { title: 'ELBO', xLabel: 'epoch', yLabel: 'ELBO (nats per image)', series, ...spec }
}

/** Points 1, 2, … with these values. */
function points(...ys: number[]): ChartPoint[] {
  return ys.map((y, index) => [index + 1, y])
}

/** The `d` of the line of a series. */
function line(svg: string, name: string): string {
  const paths = [...parse(svg).querySelectorAll('path')].filter(path => path.getAttribute('aria-label') === name)
  expect(paths).toHaveLength(1)
  return paths[0]?.getAttribute('d') ?? ''
}

function dots(svg: string): number {
  return parse(svg).querySelectorAll('circle').length
}

describe('lineChart', () => {
  test('shows title, subtitle, both axis labels, ticks, every series and every reference line by name', () => {
    const svg = lineChart(
      chart({
        subtitle: 'MNIST',
        series: [
          { name: 'training', points: training },
          { name: 'validation', points: points(-118, -112, -108, -106), dashed: true },
        ],
        references: [{ label: 'log p(x)', y: -95 }],
      }),
    )
    const expected = ['ELBO', 'MNIST', 'epoch', 'ELBO (nats per image)', 'training', 'validation', 'log p(x)']
    expect(texts(svg)).toEqual(expect.arrayContaining([...expected, '1', '4', '\u2212100']))
    for (const name of ['training', 'validation']) expect(line(svg, name)).toMatch(/^M[^M]+$/)
  })

  test('is the same text for the same data, also after other charts', () => {
    const first = lineChart(chart({}))
    expect(lineChart(chart({ title: 'another' }))).not.toBe(first)
    expect(lineChart(chart({}))).toBe(first)
  })

  test('can stand in one page with other charts: their clip paths differ in name', () => {
    const [one, other] = ['ELBO', 'KL'].map(title => parse(lineChart(chart({ title }))))
    const name = one?.querySelector('clipPath')?.getAttribute('id')
    expect(name).toMatch(/^clip-/)
    expect(one?.querySelectorAll(`[clip-path="url(#${name})"]`).length).toBeGreaterThan(0)
    expect(other?.querySelector('clipPath')?.getAttribute('id')).not.toBe(name)
  })

  test('is well-formed XML whatever the names contain', () => {
    const name = 'a<b> & "c" \'d\''
    const svg = lineChart(chart({ title: name, xLabel: name, series: [{ name, points: training }] }))
    // resvg's parser is strict: it throws where a document is not well-formed.
    expect(() => svgToPng(svg)).not.toThrow()
    expect(texts(svg).filter(text => text === name)).toHaveLength(3)
    expect(() => svgToPng(svg.replace('&lt;', '<'))).toThrow('invalid')
  })

  test('shows a single epoch as a dot', () => {
    const svg = lineChart(chart({ series: [{ name: 'training', points: points(-180) }] }))
    expect(dots(svg)).toBe(1)
    expect(texts(svg)).toContain('1')
  })

  test('shows dots where points are few, and a line alone where they are many', () => {
    const many = Array.from({ length: 1000 }, (_, step): ChartPoint => [step, -100 + Math.sin(step)])
    const svg = lineChart(
      chart({
        series: [
          { name: 'few', points: training },
          { name: 'many', points: many },
        ],
      }),
    )
    expect(dots(svg)).toBe(training.length)
    expect(line(svg, 'many').split('L')).toHaveLength(1000)
  })

  test('leaves a gap where a value is not finite, keeps a point between gaps visible, and says so', () => {
    const values = Array.from({ length: 40 }, (_, index) => -100 - (index % 3))
    values[10] = Number.NaN
    values[12] = Number.POSITIVE_INFINITY
    const svg = lineChart(chart({ series: [{ name: 'training', points: points(...values) }] }))
    expect(line(svg, 'training').match(/M/g)).toHaveLength(3)
    expect(svg).not.toMatch(/NaN|Infinity/)
    expect(dots(svg)).toBe(1)
    expect(texts(svg)).toContain('Not finite, left out: 2 of 40 points of training')
  })

  test('names a series that has nothing to draw', () => {
    const nothing = { name: 'diverged', points: points(Number.NaN) }
    const svg = lineChart(chart({ series: [nothing, { name: 'training', points: training }] }))
    expect(texts(svg)).toContain('No finite point: diverged')
    expect(texts(svg)).not.toContain('diverged')
  })

  test('lets a steep start run out of the frame, says so, and begins the axis at a tick', () => {
    const steep = points(-540, -150, -130, -120, -112, -108, -105, -103, -102, -101)
    const svg = lineChart(chart({ series: [{ name: 'training', points: steep }] }))
    expect(texts(svg)).toContain('Below the axis: the first point, down to \u2212540')
    expect(texts(svg)).toContain('\u2212170')
    expect(texts(svg)).not.toContain('\u2212180')
  })

  test('lets a steep start of a loss run out of the frame at the top', () => {
    const steep = points(540, 150, 130, 120, 112, 108, 105, 103, 102, 101)
    const svg = lineChart(chart({ series: [{ name: 'loss', points: steep }] }))
    expect(texts(svg)).toContain('Above the axis: the first point, up to 540')
  })

  test.each([
    ['a collapse at the end', points(-110, -108, -106, -105, -104, -103, -102, -101, -100, -540)],
    ['a start that is not steep', points(-130, -125, -120, -115, -110, -105, -103, -102, -101, -100)],
    ['three points', points(-540, -150, -100)],
  ])('never hides %s', (_, values) => {
    const svg = lineChart(chart({ series: [{ name: 'training', points: values }] }))
    expect(texts(svg).join()).not.toContain('the axis')
  })

  test('never hides a series that lies apart from the others as a whole', () => {
    const apart = { name: 'EM', points: points(-400) }
    const svg = lineChart(chart({ series: [{ name: 'VAE', points: training }, apart] }))
    expect(texts(svg)).toContain('\u2212400')
    expect(texts(svg).join()).not.toContain('the axis')
  })

  test('draws standard errors as bars where points are few and as a band where they are many', () => {
    const few = training.map(([x, y]): ChartPoint => [x, y, 2])
    const bars = lineChart(chart({ series: [{ name: 'training', points: few }] }))
    const many = Array.from({ length: 50 }, (_, x): ChartPoint => [x, -100 + x, 2])
    const band = lineChart(chart({ series: [{ name: 'training', points: many }] }))
    for (const svg of [bars, band]) expect(texts(svg)).toContain('Shown with \u00b1 1 standard error')
    expect(bars).not.toContain('aria-label="area"')
    expect(band).toContain('aria-label="area"')
    expect(texts(lineChart(chart({}))).join()).not.toContain('standard error')
  })

  test('keeps the names of lines that end together apart', () => {
    const names = ['one', 'two', 'three', 'four']
    const svg = lineChart(chart({ series: names.map(name => ({ name, points: training })) }))
    const labels = [...parse(svg).querySelectorAll('text')].filter(text => names.includes(text.textContent ?? ''))
    const heights = labels.map(label => Number(/,(.*)\)/.exec(label.getAttribute('transform') ?? '')?.[1]))
    heights
      .sort((a, b) => a - b)
      .forEach((height, index) => {
        if (index > 0) expect(height - (heights[index - 1] ?? 0)).toBeGreaterThanOrEqual(15)
      })
    expect(heights).toHaveLength(names.length)
  })

  test.each([
    ['words', 'a long name of many words that goes on, and on, and on, until nobody reads it any more, really'],
    ['one word', 'W'.repeat(200)],
    ['a run name', 'mnist-20-latent_500-hidden_beta-0.5_seed-1_'.repeat(4)],
  ])('shows long titles and names in full: %s', (_, name) => {
    const svg = lineChart(chart({ title: name, series: [{ name, points: training }] }))
    expect(countText(svg, name)).toBe(2)
    expect(margin(svg)).toBeGreaterThanOrEqual(15)
  })

  test('gives equal factors of x equal lengths on a logarithmic axis, and ticks at their values', () => {
    const series = [{ name: 'training', points: [10, 100, 1000].map((x, i): ChartPoint => [x, i]) }]
    const svg = lineChart(chart({ series, xScale: 'log' }))
    expect(texts(svg)).toEqual(expect.arrayContaining(['10', '100', '1K']))
    const [a = 0, b = 0, c = 0] = [...line(svg, 'training').matchAll(/[ML]([\d.]+),/g)].map(([, x]) => Number(x))
    expect(c - b).toBeCloseTo(b - a, 3)
    expect(c - b).toBeGreaterThan(200)
    const zero = [{ name: 'training', points: [[0, 1] as const] }]
    expect(() => lineChart(chart({ series: zero, xScale: 'log' }))).toThrow(
      new RangeError(
        "line chart 'ELBO': on a logarithmic axis every x must be above 0, but 'training' has one that is not",
      ),
    )
  })

  test('gives equal factors of y equal heights on a logarithmic axis, and leaves a gap where y is not above 0', () => {
    const points = [1e-6, 1e-4, 1e-2, 0].map((y, i): ChartPoint => [i + 1, y, y / 2])
    const references = [{ label: 'floor', y: 1e-5 }]
    const svg = lineChart(chart({ series: [{ name: 'variance', points }], yScale: 'log', references }))
    expect(texts(svg)).toEqual(expect.arrayContaining(['1e\u22126', '0.001', 'floor']))
    expect(texts(svg).join()).toContain('Not finite, left out: 1 of 4 points of variance')
    const [a = 0, b = 0, c = 0] = [...line(svg, 'variance').matchAll(/[ML][\d.]+,([\d.]+)/g)].map(([, y]) => Number(y))
    expect(b - a).toBeCloseTo(c - b, 2)
    expect(a - b).toBeGreaterThan(100)
    expect(() => lineChart(chart({ yScale: 'log', references: [{ label: 'floor', y: 0 }] }))).toThrow(
      new RangeError("line chart 'ELBO': at least one series must have a finite point, but none has"),
    )
    const above = [{ name: 'variance', points }]
    expect(() => lineChart(chart({ series: above, yScale: 'log', references: [{ label: 'floor', y: 0 }] }))).toThrow(
      new RangeError("line chart 'ELBO': reference line 'floor' must be above 0, but is 0"),
    )
  })

  test('gives the series of one group one colour, and those without a group each their own', () => {
    const names = ['vae:3', 'vae:10', 'wake-sleep', 'other']
    const groups = ['vae', 'vae', undefined, undefined]
    const series = names.map((name, i) => ({ name, points: training, ...(groups[i] && { group: groups[i] }) }))
    const page = parse(lineChart(chart({ series })))
    const stroke = (name: string) =>
      [...page.querySelectorAll('path')]
        .find(path => path.getAttribute('aria-label') === name)
        ?.closest('[stroke]')
        ?.getAttribute('stroke')
    expect(stroke('vae:3')).toBe(stroke('vae:10'))
    expect(new Set(names.map(stroke)).size).toBe(3)
  })

  test('refuses a chart without finite points, and a reference line without a finite height', () => {
    expect(() => lineChart(chart({ series: [{ name: 'training', points: points(Number.NaN) }] }))).toThrow(
      new RangeError("line chart 'ELBO': at least one series must have a finite point, but none has"),
    )
    expect(() => lineChart(chart({ references: [{ label: 'log p(x)', y: Number.NaN }] }))).toThrow(
      new RangeError("line chart 'ELBO': reference line 'log p(x)' must be finite, but is NaN"),
    )
  })
})

describe('stackCharts', () => {
  test('puts charts one below the other, and each looks as it does alone', () => {
    const charts = ['ELBO', 'KL'].map(title => lineChart(chart({ title })))
    const [first, second, both] = [...charts, stackCharts(charts)].map(svg =>
      PNG.sync.read(svgToPng(svg, { scale: 1 })),
    )
    if (!first || !second || !both) throw new Error('three pictures were expected')
    expect([both.width, both.height]).toEqual([Math.max(first.width, second.width), first.height + second.height])
    const lower = new PNG({ width: second.width, height: second.height })
    PNG.bitblt(both, lower, 0, first.height, second.width, second.height, 0, 0)
    // Clipped layers are blended in another order; that may round by a level or two of 255.
    const apart = lower.data.map((level, i) => Math.abs(level - (second.data[i] as number)))
    expect(apart.reduce((most, one) => Math.max(most, one))).toBeLessThan(5)
  })

  test('refuses what has no size', () => {
    expect(() => stackCharts(['<svg></svg>'])).toThrow('an SVG document with width and height was expected')
  })
})

describe('svgToPng', () => {
  test('renders text with the fonts of the program and multiplies the size by the scale', () => {
    const svg = lineChart(chart({}))
    const small = PNG.sync.read(svgToPng(svg, { scale: 1 }))
    const large = PNG.sync.read(svgToPng(svg))
    expect([large.width, large.height]).toEqual([small.width * 2, small.height * 2])
    // The title, 'ELBO', is the only thing in the upper left corner.
    const corner = new PNG({ width: 80, height: 40 })
    PNG.bitblt(small, corner, 0, 0, 80, 40, 0, 0)
    const dark = corner.data.filter((value, index) => index % 4 === 0 && value < 128)
    expect(dark.length).toBeGreaterThan(100)
  })

  test('gives the same bytes each time', () => {
    const svg = lineChart(chart({}))
    expect(svgToPng(svg).equals(svgToPng(svg))).toBe(true)
  })
})
