/** The state of the page, held in the fragment of its URL: `#view=plane&run=first&seed=1`. */

/** Named texts of the state. A missing name has its default, whatever the view says that is. */
export interface PageState {
  get(name: string): string | undefined
  /** The number of that name; `usual` if there is none or it is no finite number. */
  number(name: string, usual: number): number
  /** Changes names; undefined removes one. `push` adds an entry to the history of the browser, so that Back returns. */
  set(changes: Readonly<Record<string, string | number | undefined>>, push?: boolean): void
  /** Calls `listener` after Back, Forward and changes of the address by hand, not after `set`; returns what stops it. */
  onNavigation(listener: () => void): () => void
}

/** A state that lives in `location.hash`. */
export function urlState(): PageState {
  const read = () => new URLSearchParams(location.hash.slice(1))
  return {
    get: name => read().get(name) ?? undefined,
    number(name, usual) {
      const text = read().get(name)
      const value = text === null || text.trim() === '' ? Number.NaN : Number(text)
      return Number.isFinite(value) ? value : usual
    },
    set(changes, push = false) {
      const state = read()
      for (const [name, value] of Object.entries(changes))
        if (value === undefined) state.delete(name)
        else state.set(name, String(value))
      const url = `#${state}`
      if (url === location.hash) return
      if (push) history.pushState(null, '', url)
      else history.replaceState(null, '', url)
    },
    onNavigation(listener) {
      addEventListener('popstate', listener)
      return () => removeEventListener('popstate', listener)
    },
  }
}
