// The chart of a benchmark: a column for each model and batch size, a row for each backend and mode.
// Loading this module loads the chart libraries, which takes about 0.3 s: import it only to draw a chart.
import { barChart } from '../../plots/bar-chart.js'
import type { Bar } from '../../plots/bar-spec.js'
import type { Comparison } from './benchmark-results.js'

/** An SVG document; throws a RangeError if nothing was timed. */
export function benchmarkChart(comparisons: readonly Comparison[], subtitle: string): string {
  const rows = comparisons.flatMap(({ rows }) => rows)
  const groups = unique(rows.map(({ group }) => group)).map(name => ({
    name,
    rows: unique(rows.filter(({ group }) => group === name).map(({ label }) => label)).map(label => ({
      name: label,
      bars: comparisons.map(one => bar(one, name, label)),
    })),
  }))
  const columns = comparisons.map(({ layers, batchSize }) => `${layers}\nbatch size ${batchSize}`)
  const xLabel = 'ms per step, less is better'
  return barChart({ title: 'A training step on each backend of this machine', subtitle, xLabel, columns, groups })
}

function bar({ rows }: Comparison, group: string, label: string): Bar | string {
  const row = rows.find(row => row.group === group && row.label === label)
  if (!row?.msPerStep) return row?.failure === undefined ? '' : 'stopped'
  const { median, low, high } = row.msPerStep
  return { value: median, low, high }
}

const unique = (names: readonly string[]): string[] => [...new Set(names)]
