/** The text, alive: a tab of chapters. */
import { chapters } from './chapters/list.js'
import { button, element } from './dom.js'
import type { Context, View } from './view.js'

export const text: View = {
  id: 'text',
  title: 'The text',
  mount(root, context) {
    const first = chapters[0]
    if (first === undefined) {
      root.append(element('p', { class: 'notice' }, 'There are no chapters yet.'))
      return () => {}
    }
    const chosen = chapters.find(({ id }) => id === context.state.get('chapter')) ?? first
    const body = element('article', { class: 'chapter', 'aria-labelledby': `chapter-${chosen.id}` })
    let dispose = () => {}
    const links = new Map(chapters.map(chapter => [chapter, button(chapter.title, () => open(chapter, true))]))
    const open = (chapter: View, push: boolean) => {
      dispose()
      context.state.set({ chapter: chapter.id }, push)
      for (const [other, link] of links) {
        if (other === chapter) link.setAttribute('aria-current', 'page')
        else link.removeAttribute('aria-current')
      }
      dispose = mountChapter(body, chapter, context)
    }
    root.append(element('nav', { class: 'chapters', 'aria-label': 'Chapters' }, ...links.values()), body)
    open(chosen, false)
    return () => dispose()
  },
}

function mountChapter(body: HTMLElement, chapter: View, context: Context): () => void {
  body.replaceChildren(element('h2', { id: `chapter-${chapter.id}` }, chapter.title))
  body.setAttribute('aria-labelledby', `chapter-${chapter.id}`)
  const root = element('div')
  body.append(root)
  return chapter.mount(root, context)
}
