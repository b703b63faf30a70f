/** Chapter: a VAE that trains in the page. */
import { errorBox } from '../dom.js'
import type { Context, View } from '../view.js'
import { chapterState } from './parts/chapter-state.js'
import { fillChapter } from './parts/prose.js'
import { sections } from './text/vae.md'
import { trainingPart } from './vae-part.js'

export const vae: View = {
  id: 'vae',
  title: 'A VAE that trains here',
  mount(root: HTMLElement, context: Context) {
    const state = chapterState(context.state, 'vae')
    const end = fillChapter(root, sections, [
      trainingPart(context, state, error => root.prepend(errorBox(error.message))),
    ])
    return () => {
      end()
      state.dispose()
    }
  },
}
