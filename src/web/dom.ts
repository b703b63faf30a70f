/** Elements of the page. Data become text and attributes, never markup. */

type Child = Node | string | undefined | false

interface Attributes {
  class?: string | undefined
  /** Attributes by name; false or undefined: left out, true: present without a value. */
  [name: string]: string | number | boolean | undefined
}

/**
 * An HTML element with these attributes and children; strings become text.
 *
 * `element('p', { class: 'note' }, 'ELBO ', element('b', {}, '-90'))`
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(name), attributes, children)
}

const SVG = 'http://www.w3.org/2000/svg'

/** The same for SVG. */
export function svgElement<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS(SVG, name), attributes, children)
}

function filled<E extends Element>(target: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) target.setAttribute(name, value === true ? '' : String(value))
  target.append(...children.filter(child => child !== undefined && child !== false))
  return target
}

/** A button that calls `press`. */
export function button(text: string, press: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element('button', { type: 'button', ...attributes }, text)
  made.addEventListener('click', press)
  return made
}

let ids = 0

/** An id that no other element has, for labels. */
export function freshId(prefix: string): string {
  ids += 1
  return `${prefix}-${ids}`
}

/** A labelled slider; `format` writes its value beside it. */
export interface SliderOptions {
  label: string
  min: number
  max: number
  step: number
  value: number
  format?: (value: number) => string
  change(value: number): void
}

/** A slider with its label and its value; `set` moves it without calling `change`. */
export function slider(options: SliderOptions): { root: HTMLElement; set(value: number): void } {
  const { label, min, max, step, value, format = String, change } = options
  const id = freshId('slider')
  const input = element('input', { type: 'range', id, min, max, step, value })
  const output = element('output', { for: id }, format(value))
  const show = (shown: number) => {
    output.textContent = format(shown)
    input.setAttribute('aria-valuetext', format(shown))
  }
  input.addEventListener('input', () => {
    show(input.valueAsNumber)
    change(input.valueAsNumber)
  })
  return {
    root: element('div', { class: 'slider' }, element('label', { for: id }, label), input, output),
    set(moved) {
      input.valueAsNumber = moved
      show(moved)
    },
  }
}

/** A labelled choice among texts; `values` are [value, text] pairs. */
export function select(
  label: string,
  values: readonly (readonly [value: string, text: string])[],
  chosen: string,
  change: (value: string) => void,
): HTMLElement {
  const id = freshId('select')
  const list = element('select', { id })
  for (const [value, text] of values) list.append(element('option', { value, selected: value === chosen }, text))
  list.addEventListener('change', () => change(list.value))
  return element('div', { class: 'select' }, element('label', { for: id }, label), list)
}

/** A labelled box to tick. */
export function checkbox(label: string, checked: boolean, change: (checked: boolean) => void): HTMLElement {
  const id = freshId('box')
  const input = element('input', { type: 'checkbox', id, checked })
  input.addEventListener('change', () => change(input.checked))
  return element('div', { class: 'checkbox' }, input, element('label', { for: id }, label))
}

/** A command line whose lines break between words only, not at the hyphens of a flag. */
export const words = (command: string): (Node | string)[] =>
  command.split(/( +)/).map(part => (part.trim() === '' ? part : element('span', { class: 'word' }, part)))

/** A message that is an error, with what is wrong and what would be right. */
export const errorBox = (message: string): HTMLElement => element('p', { class: 'error', role: 'alert' }, message)

/** A number of nats with a proper minus sign. */
export const nats = (value: number, digits = 2): string =>
  Number.isFinite(value) ? value.toFixed(digits).replace('-', '\u2212') : 'unknown'
