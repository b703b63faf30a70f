/** Light or dark, and the colours of style.css as values for canvases. */

export interface Theme {
  readonly isDark: boolean
  /** Whether the user asked for less motion. */
  readonly isStill: boolean
  /** The value of a colour of style.css, such as `ink`, `series-1`. */
  colour(name: string): string
  /** Calls `listener` after a change; returns what stops it. */
  onChange(listener: () => void): () => void
  /** Sets light or dark by hand; undefined follows the system. */
  choose(mode: 'light' | 'dark' | undefined): void
  readonly chosen: 'light' | 'dark' | undefined
}

/** The theme of this page; the choice is kept in the browser's storage where it has one. */
export function pageTheme(): Theme {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const still = matchMedia('(prefers-reduced-motion: reduce)')
  const listeners = new Set<() => void>()
  let chosen = stored()
  const changed = () => {
    if (chosen === undefined) delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = chosen
    for (const listener of listeners) listener()
  }
  dark.addEventListener('change', changed)
  still.addEventListener('change', changed)
  changed()
  return {
    get isDark() {
      return chosen === undefined ? dark.matches : chosen === 'dark'
    },
    get isStill() {
      return still.matches
    },
    get chosen() {
      return chosen
    },
    colour: name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    choose(mode) {
      chosen = mode
      keep(mode)
      changed()
    },
  }
}

const KEY = 'elbo-theme'

function stored(): 'light' | 'dark' | undefined {
  try {
    const mode = localStorage.getItem(KEY)
    return mode === 'light' || mode === 'dark' ? mode : undefined
  } catch {
    return undefined // storage is forbidden here
  }
}

function keep(mode: string | undefined): void {
  try {
    if (mode === undefined) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, mode)
  } catch {
    // Storage is forbidden here: the choice lasts as long as the page.
  }
}
