/** The numbers beside a figure, and their summary for those who hear the page. */
import { element } from '../../dom.js'

export interface Reading {
  id: string
  label: string
  /** A colour of style.css: that of the same thing in the figure. */
  colour?: string
  /** Beneath a line, as a sum. */
  isSum?: boolean
}

/** A table of numbers with their names. */
export interface Readings {
  readonly root: HTMLElement
  set(values: Readonly<Record<string, string>>): void
}

export function readings(title: string, rows: readonly Reading[]): Readings {
  const cells = new Map(rows.map(({ id }) => [id, element('td', { class: 'number', 'data-reading': id })]))
  const body = rows.map(({ id, label, colour, isSum }) =>
    element(
      'tr',
      { class: isSum ? 'sum' : '' },
      element('th', { scope: 'row' }, colour && swatch(colour), label),
      cells.get(id),
    ),
  )
  return {
    root: element('table', { class: 'readings' }, element('caption', {}, title), element('tbody', {}, ...body)),
    set(values) {
      for (const [id, value] of Object.entries(values)) {
        const cell = cells.get(id)
        if (cell && cell.textContent !== value) cell.textContent = value
      }
    },
  }
}

/** A patch of a colour of style.css. */
function swatch(colour: string): HTMLElement {
  const patch = element('span', { class: 'swatch', 'aria-hidden': 'true' })
  patch.style.background = `var(--${colour})`
  return patch
}

/** A sentence that screen readers say once the numbers have come to rest. */
export function announcer(): { readonly root: HTMLElement; say(text: string): void; dispose(): void } {
  const root = element('p', { class: 'hidden-text', role: 'status' })
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    root,
    say(text) {
      clearTimeout(timer)
      timer = setTimeout(() => {
        root.textContent = text
      }, 700)
    },
    dispose: () => clearTimeout(timer),
  }
}
