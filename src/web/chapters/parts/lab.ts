/** Figures beside the controls and the numbers that belong to them. */
import { element } from '../../dom.js'

/** A card with figures, and controls and numbers at their side. */
export const lab = (title: string, figures: readonly HTMLElement[], side: readonly HTMLElement[]): HTMLElement =>
  element(
    'section',
    { class: 'lab card', 'aria-label': title },
    element('div', { class: 'lab-figures' }, ...figures),
    element('div', { class: 'lab-side' }, ...side),
  )

/** Buttons in a row. */
export const buttons = (...children: HTMLElement[]): HTMLElement => element('div', { class: 'row' }, ...children)

/** `1.234 ± 0.056`. */
export const plusMinus = (mean: number, standardError: number, digits = 3): string =>
  `${signed(mean, digits)} ± ${Number.isFinite(standardError) ? standardError.toFixed(digits) : 'unknown'}`

/** A number with a proper minus sign. */
export function signed(value: number, digits = 3): string {
  const text = value.toFixed(digits)
  return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '\u2212')
}
