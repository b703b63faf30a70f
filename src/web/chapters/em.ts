/** Chapter: EM on a one-dimensional mixture, in half steps. */
import { errorBox } from '../dom.js'
import type { Context, View } from '../view.js'
import { emPart } from './em-part.js'
import { chapterState } from './parts/chapter-state.js'
import { fillChapter } from './parts/prose.js'
import { sections } from './text/em.md'

export const em: View = {
  id: 'em',
  title: 'EM, half step by half step',
  mount(root: HTMLElement, context: Context) {
    const state = chapterState(context.state, 'em')
    const end = fillChapter(root, sections, [emPart(context, state, error => root.prepend(errorBox(error.message)))])
    return () => {
      end()
      state.dispose()
    }
  },
}
