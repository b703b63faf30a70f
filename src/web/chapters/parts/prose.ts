/** The text of a chapter around its figures. */
import { element } from '../../dom.js'

/** What stands in a chapter between its texts. */
export interface Part {
  readonly root: HTMLElement
  dispose(): void
}

/** Fills `root` with the sections of a text and a part after each but the last; returns what ends the parts. */
export function fillChapter(root: HTMLElement, sections: readonly string[], parts: readonly Part[]): () => void {
  if (sections.length !== parts.length + 1)
    throw new Error(`the chapter has ${parts.length} figures, and its text has places for ${sections.length - 1}`)
  const observer = new ResizeObserver(entries => {
    for (const { target } of entries) {
      const equation = target.closest<HTMLElement>('.equation')
      if (equation) reachByKeys(equation)
    }
  })
  sections.forEach((html, i) => {
    const text = prose(html)
    root.append(text)
    // The parts too: they grow within the equation when the fonts arrive.
    for (const one of text.querySelectorAll('.equation, .equation .base')) observer.observe(one)
    const part = parts[i]
    if (part) root.append(part.root)
  })
  return () => {
    observer.disconnect()
    for (const part of parts) part.dispose()
  }
}

/** A text as it was rendered when the page was bundled: markup of this project, and no data. */
function prose(html: string): HTMLElement {
  const root = element('div', { class: 'prose' })
  root.innerHTML = html
  for (const styled of root.querySelectorAll<HTMLElement>('[data-style]')) {
    styled.style.cssText = styled.dataset.style ?? ''
    delete styled.dataset.style
  }
  return root
}

/** An equation that is wider than the page scrolls, and the keyboard has to reach it. */
function reachByKeys(equation: HTMLElement): void {
  if (equation.scrollWidth > equation.clientWidth + 1) {
    equation.tabIndex = 0
    equation.setAttribute('role', 'group')
    equation.setAttribute('aria-label', 'Equation')
  } else {
    for (const name of ['tabindex', 'role', 'aria-label']) equation.removeAttribute(name)
  }
}
