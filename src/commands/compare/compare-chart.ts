// The chart of a comparison: the bound against images seen and against wall time, one line for each method.
// Loading this module loads the chart libraries, which takes about 0.3 s: import it only to draw a chart.
import { estimateMean } from '../../numeric/means.js'
import type { ChartPoint, ChartSeries } from '../../plots/chart-spec.js'
import { lineChart } from '../../plots/line-chart.js'
import { stackCharts } from '../../plots/stack-charts.js'
import type { CurvePoint, RunResult } from './compare-results.js'
import type { Reference } from './compare-settings.js'

/** Both panels as one SVG document. */
export function compareChart(
  name: string,
  subtitle: string,
  rows: readonly RunResult[],
  references: readonly Reference[],
) {
  const panels = [
    { title: `Bound of ${name} against images seen`, x: 'imagesSeen', xLabel: 'images seen' },
    { title: `Bound of ${name} against time`, x: 'seconds', xLabel: 'seconds of learning, without validation' },
  ] as const
  return stackCharts(
    panels.map(({ title, x, xLabel }) =>
      lineChart({
        title,
        subtitle,
        xLabel,
        xScale: 'log',
        yLabel: 'bound of the validation images (nats per image)',
        series: series(rows, x),
        references: references.map(({ label, logPx }) => ({ label: `published, test: ${label}`, y: logPx })),
      }),
    ),
  )
}

/** One line per label, the mean over its seeds. All sizes of a method have one colour; runs on fewer images are dashed. */
function series(rows: readonly RunResult[], x: 'imagesSeen' | 'seconds'): ChartSeries[] {
  return [...new Set(rows.map(({ label }) => label))].map(label => {
    const sameLabel = rows.filter(row => row.label === label)
    const [{ method, trainImages }] = sameLabel as [RunResult]
    const passes = Math.min(...sameLabel.map(({ curve }) => curve.length))
    const points = Array.from({ length: passes }, (_, pass): ChartPoint => {
      const at = sameLabel.map(({ curve }) => curve[pass] as CurvePoint)
      const bound = estimateMean(at.map(point => point.bound))
      return [estimateMean(at.map(point => point[x])).mean, bound.mean, bound.standardError]
    })
    return { name: label, points, group: method, dashed: trainImages !== null }
  })
}
