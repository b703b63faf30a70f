/** The page of `elbo explore`: tabs of views, whose state is in the URL. */
import type { About } from '../explore/protocol.js'
import { type Api, pageApi } from './api.js'
import { compute } from './compute.js'
import { button, element, errorBox } from './dom.js'
import { type PageState, urlState } from './state.js'
import { pageTheme, type Theme } from './theme.js'
import type { Context, View } from './view.js'
import { views } from './views.js'

interface Page {
  api: Api
  state: PageState
  theme: Theme
  main: HTMLElement
  tabs: Map<View, HTMLAnchorElement>
}

function start(): void {
  const [api, state, theme] = [pageApi(), urlState(), pageTheme()]
  const main = element('main', { id: 'main', tabindex: -1 })
  const tabs = new Map(
    views.map(view => [view, element('a', { href: new URL(`#view=${view.id}`, location.href).href }, view.title)]),
  )
  const page: Page = { api, state, theme, main, tabs }
  const foot = element('footer', { class: 'page-foot' })
  document
    .getElementById('page')
    ?.replaceChildren(
      element('a', { class: 'skip', href: '#main' }, 'Skip to the content'),
      element(
        'header',
        { class: 'top' },
        element('div', { class: 'brand' }, element('h1', {}, 'elbo'), element('span', {}, 'explore')),
        element('nav', { class: 'tabs', 'aria-label': 'Views' }, ...tabs.values()),
        element('div', { class: 'tools' }, themeButton(theme)),
      ),
      main,
      foot,
    )
  document.querySelector('.skip')?.addEventListener('click', event => {
    event.preventDefault()
    main.focus()
  })
  const show = opener(page)
  for (const [view, tab] of tabs)
    tab.addEventListener('click', event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return
      event.preventDefault()
      state.set({ view: view.id }, true)
      show()
    })
  state.onNavigation(show)
  show()
  void describePage(api, foot)
}

/** Shows the view that the state names, and ends the one before. */
function opener({ api, state, theme, main, tabs }: Page): () => void {
  let dispose = () => {}
  const show = () => {
    const view = views.find(({ id }) => id === state.get('view')) ?? views[0]
    if (view === undefined) return
    dispose()
    main.replaceChildren()
    for (const [other, tab] of tabs) {
      if (other === view) tab.setAttribute('aria-current', 'page')
      else tab.removeAttribute('aria-current')
      if (other === view) tab.scrollIntoView({ inline: 'nearest', block: 'nearest' }) // on phones the tabs scroll
    }
    document.title = `${view.title} · elbo explore`
    const only = state.get('backend')
    const context: Context = {
      api,
      state,
      theme,
      seed: state.number('seed', 1),
      compute: () => compute(only),
      open(changes) {
        state.set(changes, true)
        show()
      },
    }
    const root = element('div', { class: 'stack' })
    main.append(element('h2', { class: 'hidden-text' }, view.title), root)
    try {
      dispose = view.mount(root, context)
    } catch (error) {
      dispose = () => {}
      root.append(errorBox((error as Error).message))
    }
  }
  return show
}

function themeButton(theme: Theme): HTMLElement {
  const text = () => (theme.isDark ? 'Light' : 'Dark')
  const made = button(text(), () => theme.choose(theme.isDark ? 'light' : 'dark'), { 'aria-label': 'Light or dark' })
  theme.onChange(() => {
    made.textContent = text()
  })
  return made
}

async function describePage(api: Api, foot: HTMLElement): Promise<void> {
  try {
    const { version, mode, exportedImages } = await api.get<About>('about.json')
    const images = exportedImages === undefined ? '' : `, with the first ${exportedImages} test images`
    foot.append(
      mode === 'live'
        ? `elbo ${version}. Everything is read from this machine and computed in this browser; nothing is written.`
        : `elbo ${version}, exported${images}. Everything is computed in this browser.`,
    )
  } catch (error) {
    foot.append(errorBox((error as Error).message))
  }
}

start()
