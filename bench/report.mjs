// Turns measured times into Markdown tables and a chart, and inserts them into a document that people also edit.
import { describeModel, works } from './workload.mjs'

/**
 * One kind of work on one model.
 * @typedef {object} Comparison
 * @property {string} work
 * @property {import('./workload.mjs').Model} model
 * @property {Row[]} rows
 * @property {string | undefined} reference name of the row that ratios are relative to
 */

/**
 * A candidate's result in the unit of its work: medians with their ranges over rounds, or why it failed.
 * @typedef {object} Row
 * @property {string} name
 * @property {string} group
 * @property {string} label
 * @property {boolean} products
 * @property {Spread} [time]
 * @property {Spread} [ratio] time over that of the reference, round by round
 * @property {number} [firstCallMs]
 * @property {number} [peakMegabytes] of the candidate's process
 * @property {string} [failure]
 */

/** @typedef {{ median: number, low: number, high: number }} Spread */

/** Path of the chart of training steps, relative to docs/benchmarks.md. */
export const CHART = 'images/benchmark-steps'

const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

/**
 * @param {string} work
 * @param {import('./workload.mjs').Model} model
 * @param {import('../src/commands/bench/interleave.js').Measured<import('./candidates.mjs').Candidate>[]} measured
 * @returns {Comparison}
 */
export function comparison(work, model, measured) {
  const scale = works[work]?.perMs(model) ?? Number.NaN
  const references = measured.filter(({ candidate, failure }) => candidate.reference && !failure)
  const reference = references.sort((a, b) => median(a.times) - median(b.times))[0]
  const rows = measured.map(({ candidate, times, firstCallMs, peakMegabytes, failure }) => {
    const { name, group, label, products = false } = candidate
    if (failure) return { name, group, label, products, failure }
    const ratios = reference && times.map((ms, round) => ms / (reference.times[round] ?? Number.NaN))
    const time = spread(times.map(ms => ms * scale))
    return { name, group, label, products, time, firstCallMs, peakMegabytes, ...(ratios && { ratio: spread(ratios) }) }
  })
  return { work, model, rows, reference: reference?.candidate.name }
}

/**
 * @param {number[]} values
 * @returns {Spread}
 */
function spread(values) {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) }
}

/** @param {number[]} values */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return ((below ?? Number.NaN) + (above ?? Number.NaN)) / 2
}

/**
 * @param {Comparison} comparison
 * @returns {string} a Markdown section
 */
export function section({ work, model, rows, reference }) {
  const { title, unit } = works[work] ?? { title: work, unit: '' }
  const ratio = reference ? `time / ${reference}` : 'ratio'
  return [
    `### ${title}: ${describeModel(model).join(', ')}`,
    '',
    `| candidate | ${unit} | range | ${ratio} | its range | first call, s | peak MB |`,
    '|---|---:|---:|---:|---:|---:|---:|',
    ...rows.map(line),
    ...(model.filters ? ['', 'Matrix products alone are not a lower bound for convolutions and are left out.'] : []),
  ].join('\n')
}

/** @param {Row} row */
function line({ name, time, ratio, firstCallMs = Number.NaN, peakMegabytes, failure }) {
  const cells = time
    ? [
        time.median.toFixed(2),
        range(time),
        ratio?.median.toFixed(2) ?? '',
        range(ratio),
        (firstCallMs / 1000).toFixed(1),
        peakMegabytes !== undefined && Number.isFinite(peakMegabytes) ? peakMegabytes.toFixed(0) : '',
      ]
    : [`failed: ${failure?.replaceAll('|', '\\|')}`, '', '', '', '', '']
  return `| ${[name, ...cells].join(' | ')} |`
}

/** @param {Spread | undefined} spread */
function range(spread) {
  return spread ? `${spread.low.toFixed(2)} to ${spread.high.toFixed(2)}` : ''
}

/**
 * The chart of all comparisons of one kind of work: one column per model, one row per candidate.
 * @param {Comparison[]} comparisons at least one
 * @param {string} subtitle
 * @returns {import('../src/plots/bar-spec.js').BarChartSpec}
 */
export function chart(comparisons, subtitle) {
  const rows = comparisons.flatMap(({ rows }) => rows)
  const groups = [...new Set(rows.map(({ group }) => group))].map(name => {
    const members = rows.filter(({ group }) => group === name)
    const labels = [...new Set(members.map(({ label }) => label))]
    return {
      name,
      quiet: members.every(({ products }) => products),
      rows: labels.map(label => ({ name: label, bars: comparisons.map(comparison => bar(comparison, name, label)) })),
    }
  })
  const columns = comparisons.map(({ model }) => describeModel(model).join('\n'))
  const { unit } = works[comparisons[0]?.work ?? ''] ?? { unit: '' }
  return { title: 'Training the same VAE: time per step', subtitle, xLabel: `${unit}, less is better`, columns, groups }
}

/**
 * @param {Comparison} comparison
 * @param {string} group
 * @param {string} label
 */
function bar({ rows }, group, label) {
  const row = rows.find(row => row.group === group && row.label === label)
  if (!row) return ''
  return row.time ? { value: row.time.median, low: row.time.low, high: row.time.high } : 'failed'
}

/**
 * The measured part of docs/benchmarks.md.
 * @param {{ command: string, machine: string, date: string, comparisons: Comparison[] }} run
 */
export function report({ command, machine, date, comparisons }) {
  const picture = `![Time per training step of each candidate and model](${CHART}.png)`
  return [
    `\`${command}\`, ${date}`,
    machine,
    ...(comparisons.some(({ work }) => work === 'steps') ? [picture] : []),
    ...comparisons.map(section),
  ].join('\n\n')
}

/**
 * Replaces the text between the two markers and keeps everything else, which people wrote.
 * @param {string} document
 * @param {string} generated
 * @throws Error if the markers do not occur once each, in order
 */
export function withReport(document, generated) {
  const [before, rest, ...more] = document.split(BEGIN)
  const [, after, ...others] = rest?.split(END) ?? []
  if (before === undefined || after === undefined || more.length || others.length)
    throw new Error(`the document must contain the line ${BEGIN} once and, below it, ${END} once`)
  return `${before}${BEGIN}\n\n${generated}\n\n${END}${after}`
}
