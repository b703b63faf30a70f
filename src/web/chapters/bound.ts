/** Chapter: Jensen's inequality, the bound, and its gap. */
import type { Context, View } from '../view.js'
import { chordPart } from './chord.js'
import { gapPart } from './gap.js'
import { chapterState } from './parts/chapter-state.js'
import { fillChapter } from './parts/prose.js'
import { sections } from './text/bound.md'

export const bound: View = {
  id: 'bound',
  title: 'The bound and its gap',
  mount(root: HTMLElement, context: Context) {
    const state = chapterState(context.state, 'bound')
    const end = fillChapter(root, sections, [chordPart(context, state), gapPart(context, state)])
    return () => {
      end()
      state.dispose()
    }
  },
}
