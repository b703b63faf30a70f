/** What a view of the page is, and what it is given. */
import type { Api } from './api.js'
import type { Compute } from './compute.js'
import type { PageState } from './state.js'
import type { Theme } from './theme.js'

/** One part of the page: a tab, or a chapter of the text. */
export interface View {
  /** Its name in the URL. */
  id: string
  /** Its name on the page. */
  title: string
  /** Fills `root`, which is empty; returns what ends its work and frees its tensors. Called again each time the view is opened. */
  mount(root: HTMLElement, context: Context): () => void
}

/** What every view may use. */
export interface Context {
  /** Data of the server, or of the files that `--export` wrote. */
  readonly api: Api
  /** The state in the URL, so that a link shows the same. */
  readonly state: PageState
  /** Colours of the page, light or dark. */
  readonly theme: Theme
  /** The seed of everything random on the page, from the URL; 1 if it has none. */
  readonly seed: number
  /** Changes the state and shows the view that it names then, as a link does. */
  open(changes: Readonly<Record<string, string | number | undefined>>): void
  /** Opens TF.js on the first backend that runs here; the same each time. */
  compute(): Promise<Compute>
}
