/** The identity log p(x) = ELBO + KL(q(z|x) ‖ p(z|x)), ELBO = reconstruction - KL(q(z|x) ‖ p(z)), in numbers that add up as they stand. */
import { element, nats } from '../dom.js'

export interface Terms {
  /** KL(q(z|x) ‖ p(z)). */
  kl: number
  elbo: number
  /** Monte Carlo standard error of the ELBO; absent if it is exact. */
  elboError?: number
  logPx: number
  /** The same of log p(x). */
  logPxError?: number
}

/** The rows of the identity; empty cells until there are terms. */
export function identity(): { root: HTMLElement; show(terms: Terms | undefined): void } {
  const rows = [
    ['reconstruction', '', 'E log p(x|z) under q(z|x)', ''],
    ['kl', '−', 'KL(q(z|x) ‖ p(z))', ''],
    ['elbo', '=', 'ELBO', 'sum'],
    ['gap', '+', 'KL(q(z|x) ‖ p(z|x)), the gap', ''],
    ['logPx', '=', 'log p(x)', 'sum'],
  ] as const
  const cells = new Map(
    rows.map(([id]) => [
      id as string,
      { value: element('td', { class: 'number', 'data-term': id }), error: element('td', { class: 'number quiet' }) },
    ]),
  )
  const body = rows.map(([id, sign, text, kind]) => {
    const { value, error } = cells.get(id) ?? {}
    return element(
      'tr',
      { class: kind },
      element('td', { class: 'sign' }, sign),
      element('th', { scope: 'row' }, text),
      value,
      error,
    )
  })
  const root = element('table', { class: 'identity' }, element('caption', {}, 'In nats'), element('tbody', {}, ...body))
  const put = (id: string, value: string, error = '') => {
    const cell = cells.get(id)
    if (cell === undefined) return
    cell.value.textContent = value
    cell.error.textContent = error
  }
  return {
    root,
    show(terms) {
      if (terms === undefined) {
        for (const id of cells.keys()) put(id, '…')
        return
      }
      const { kl, elbo, logPx } = rounded(terms)
      put('reconstruction', shown(elbo + kl))
      put('kl', shown(kl))
      put('elbo', shown(elbo), errorOf(terms.elboError))
      put('gap', shown(logPx - elbo))
      put('logPx', shown(logPx), errorOf(terms.logPxError))
    },
  }
}

/** In whole thousandths, so that the printed sums are exact. */
const rounded = ({ kl, elbo, logPx }: Terms) => ({
  kl: Math.round(1000 * kl),
  elbo: Math.round(1000 * elbo),
  logPx: Math.round(1000 * logPx),
})

const shown = (thousandths: number): string => nats(thousandths / 1000, 3)

const errorOf = (error: number | undefined): string => {
  if (error === undefined) return ''
  return Number.isFinite(error) ? `± ${error < 0.0005 ? error.toExponential(0) : error.toFixed(3)}` : '± unknown'
}
