// The charts of codes: their scatter by label, and the KL term of each dimension.
// Loading this module loads the chart libraries, which takes about 0.3 s: import it only to draw a chart.
import type { Dimension } from '../../evaluation/dimensions.js'
import { principalAxes } from '../../numeric/principal-axes.js'
import { barChart } from '../../plots/bar-chart.js'
import { scatterChart } from '../../plots/scatter-chart.js'
import type { KeptCodes } from './kept-codes.js'

/** The plane of the first two dimensions or principal components. `images` says what was encoded, such as `run first, 9000 test images`. */
export function codesChart(images: string, { mean, width, meaning, classes, isPart }: KeptCodes): string {
  const about = isPart ? `${images}, of which the first ${mean.length / width} are drawn` : images
  const labels = classes ? { classes } : {}
  const title = classes ? 'Codes by label' : 'Codes'
  if (width <= 2) {
    const points = Float64Array.from({ length: (2 * mean.length) / width }, (_, i) =>
      width === 2 ? (mean[i] as number) : i % 2 === 0 ? (mean[i / 2] as number) : 0,
    )
    return scatterChart({
      title,
      subtitle: `${about}: ${meaning}`,
      xLabel: 'z 0',
      yLabel: width === 2 ? 'z 1' : '',
      points,
      ...labels,
    })
  }
  const { points, shares } = principalAxes(mean, width, 2)
  const [first = 0, second = 0] = shares.map(share => Math.round(100 * share))
  return scatterChart({
    title,
    subtitle: `${about}: ${meaning}, the first two principal components of ${width} dimensions`,
    xLabel: `first component (${first} % of the variance)`,
    yLabel: `second component (${second} %)`,
    points,
    ...labels,
  })
}

/** Dimensions that a chart shows. */
const MOST_BARS = 100

/** A bar for each dimension, the largest KL first. */
export function klChart(about: string, dimensions: readonly Dimension[]): string {
  const shown = dimensions.slice(0, MOST_BARS)
  const rows = (isActive: boolean) =>
    shown
      .filter(one => one.isActive === isActive)
      .map(({ dimension, kl }) => ({ name: `z ${dimension}`, bars: [{ value: Math.max(0, kl) }] }))
  const active = dimensions.filter(({ isActive }) => isActive).length
  const total = dimensions.reduce((sum, { kl }) => sum + kl, 0)
  const left = dimensions.length > shown.length ? `; the largest ${shown.length} are shown` : ''
  return barChart({
    title: 'KL term of each dimension',
    subtitle: `${about}: ${active} of ${dimensions.length} dimensions are active, ${total.toFixed(2)} nats per image in all${left}`,
    xLabel: 'KL(q(z_j|x) || p(z_j)) in nats per image; active: the variance of the mean over images is above 0.01',
    columns: [''],
    groups: [
      { name: 'active', rows: rows(true) },
      { name: 'not active', rows: rows(false), quiet: true },
    ].filter(group => group.rows.length > 0),
  })
}
