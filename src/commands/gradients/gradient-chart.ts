// The chart of measured gradients: signal-to-noise ratio and variance of the encoder's gradient against k, one line for each estimator.
// Loading this module loads the chart libraries, which takes about 0.3 s: import it only to draw a chart.
import type { EstimateName, GradientEstimate, MeasuredEstimate } from '../../evaluation/gradient-estimates.js'
import { isAboveNoise } from '../../evaluation/gradient-noise.js'
import type { ChartPoint, ChartSeries } from '../../plots/chart-spec.js'
import { lineChart } from '../../plots/line-chart.js'
import { stackCharts } from '../../plots/stack-charts.js'

const boundNames: Record<GradientEstimate['objective'], string> = { elbo: 'ELBO', iwae: 'IWAE' }

/** Both panels for each bound, as one SVG document. */
export function gradientChart(subtitle: string, rows: readonly MeasuredEstimate[]): string {
  const objectives = [...new Set(rows.map(({ objective }) => objective))]
  const panels = objectives.flatMap(objective => {
    const panelRows = rows.filter(row => row.objective === objective)
    return [ratioPanel(subtitle, panelRows), variancePanel(subtitle, panelRows)]
  })
  return stackCharts(panels)
}

const shared = { xLabel: 'k, draws of z per image', xScale: 'log', yScale: 'log' } as const

const boundOf = (rows: readonly MeasuredEstimate[]): string => boundNames[rows[0]?.objective ?? 'elbo']

function ratioPanel(subtitle: string, rows: readonly MeasuredEstimate[]): string {
  const floor = rows[0]?.encoder.snrFloor as number
  return lineChart({
    ...shared,
    title: `${boundOf(rows)}: signal-to-noise ratio of the encoder's gradient`,
    subtitle,
    yLabel: '|mean| / standard deviation, mean over entries',
    series: [...lines(rows, ({ snr }) => snr), ...laws(rows)],
    references: [{ label: 'pure noise', y: floor }],
  })
}

function variancePanel(subtitle: string, rows: readonly MeasuredEstimate[]): string {
  return lineChart({
    ...shared,
    title: `${boundOf(rows)}: variance of the encoder's gradient`,
    subtitle,
    yLabel: 'variance, mean over entries ((nats per image and unit of weight)²)',
    series: lines(rows, ({ variance }) => variance),
  })
}

function lines(
  rows: readonly MeasuredEstimate[],
  statistic: (part: MeasuredEstimate['encoder']) => { value: number; standardError: number },
): ChartSeries[] {
  return [...new Set(rows.map(({ estimate }) => estimate))].map(estimate => {
    const points = rows
      .filter(row => row.estimate === estimate)
      .map(({ samples, encoder }): ChartPoint => [samples, statistic(encoder).value, statistic(encoder).standardError])
    return { name: estimate, group: estimate, points }
  })
}

/** How the SNR of IWAE's encoder scales with k: Rainforth et al. 2018, theorem 1; Tucker et al. 2018, section 5. */
const powers: Partial<Record<EstimateName, { name: string; power: number }>> = {
  pathwise: { name: '∝ 1/√k', power: -0.5 },
  dreg: { name: '∝ √k', power: 0.5 },
}

/** Dashed lines of these power laws through the first measured points, if those are above the noise. */
function laws(rows: readonly MeasuredEstimate[]): ChartSeries[] {
  return Object.entries(powers).flatMap(([estimate, { name, power }]) => {
    const measured = rows.filter(row => row.objective === 'iwae' && row.estimate === estimate)
    const [first] = measured
    if (!first || measured.length < 2 || !isAboveNoise(first.encoder)) return []
    const points = measured.map(
      ({ samples }): ChartPoint => [samples, first.encoder.snr.value * (samples / first.samples) ** power],
    )
    return [{ name, group: estimate, dashed: true, points }]
  })
}
