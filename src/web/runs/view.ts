/** Runs, live: every run with its best bound, curves of those that are chosen as they are written, and pictures by epoch. */
import type { About, RunSummary } from '../../explore/protocol.js'
import { button, checkbox, element, errorBox, select } from '../dom.js'
import type { PageState } from '../state.js'
import type { Context, View } from '../view.js'
import { type Curve, curvesFigure, type XAxis } from './curves.js'
import { bound, others, training } from './quantities.js'
import { samples } from './samples.js'
import { type RunStore, runStore } from './store.js'
import { runTable } from './table.js'

/** Runs that are drawn if the URL names none. */
const USUAL = 6
const COLOURS = 10

export const runs: View = {
  id: 'runs',
  title: 'Runs',
  mount(root, context) {
    let dispose = () => {}
    let isOver = false
    context.api.get<About>('about.json').then(
      about => {
        if (!isOver) dispose = showRuns(root, context, about)
      },
      error => root.append(errorBox((error as Error).message)),
    )
    return () => {
      isOver = true
      dispose()
    }
  },
}

function showRuns(root: HTMLElement, context: Context, about: About): () => void {
  const { api, state } = context
  const curves = curvesOfRuns(context)
  const pictures = samples(api, state)
  const [trouble, body] = [element('div'), element('div', { class: 'stack' })]
  let frame = 0
  const later = () => {
    if (frame === 0) frame = requestAnimationFrame(update)
  }
  const store = runStore(api, about.mode === 'live', later)
  const table = chosenInTable({
    choose(name, isChosen) {
      const others = chosenRuns(store.runs, state.get('runs')).filter(other => other !== name)
      state.set({ runs: JSON.stringify(isChosen ? [...others, name] : others) })
      update()
    },
    open: name => context.open({ view: 'plane', run: name }),
  })
  const large = element('div', { class: 'card stack' }, curveControls(state, later), ...curves.large)
  const parts = [table.root, element('div', { class: 'columns' }, large, pictures.root), curves.small]
  root.append(trouble, body)
  const update = () => {
    frame = 0
    trouble.replaceChildren(...(store.trouble === undefined ? [] : [errorBox(store.trouble)]))
    if (store.runs.length === 0)
      return void body.replaceChildren(...(store.trouble === undefined ? [welcome(context, about)] : []))
    if (!body.contains(table.root)) body.replaceChildren(...parts)
    const chosen = chosenRuns(store.runs, state.get('runs'))
    const colours = new Map(chosen.map((name, i) => [name, `series-${(i % COLOURS) + 1}`]))
    table.show(store.runs, colours)
    curves.show(
      Array.from(colours, ([name, colour]) => ({ name, colour, lines: store.metrics(name)?.lines ?? [] })),
      state,
    )
    const [first] = chosen
    if (first !== undefined) pictures.show(first)
    showErrors(trouble, store, chosen)
  }
  return () => {
    cancelAnimationFrame(frame)
    store.dispose()
    pictures.dispose()
    curves.dispose()
  }
}

const showsTraining = (state: PageState): boolean => state.get('curve') === 'training'

/** The large figures, of the bound and of training, of which one is shown, and the small ones of all other quantities. */
function curvesOfRuns({ theme }: Context) {
  const large = [bound, training].map(quantity => curvesFigure({ quantity, theme, hasNames: true }))
  const small = others.map(quantity => curvesFigure({ quantity, theme, aspect: 0.62 }))
  return {
    large: large.map(({ root }) => root),
    small: element(
      'div',
      { class: 'small-figures' },
      ...small.map(({ root }) => element('div', { class: 'card' }, root)),
    ),
    show(curves: readonly Curve[], state: PageState): void {
      const x: XAxis = state.get('x') === 'seconds' ? 'seconds' : 'epoch'
      large.forEach((one, i) => {
        one.root.hidden = (i === 1) !== showsTraining(state)
      })
      for (const one of [...large, ...small]) one.show(curves, x)
    },
    dispose(): void {
      for (const one of [...large, ...small]) one.dispose()
    },
  }
}

/** What the curves are drawn over, and of which images. */
function curveControls(state: PageState, changed: () => void): HTMLElement {
  const axes = [
    ['epoch', 'epochs'],
    ['seconds', 'seconds'],
  ] as const
  return element(
    'div',
    { class: 'row' },
    select('over', axes, state.get('x') ?? 'epoch', value => {
      state.set({ x: value === 'epoch' ? undefined : value })
      changed()
    }),
    checkbox('training instead of validation', showsTraining(state), isChecked => {
      state.set({ curve: isChecked ? 'training' : undefined })
      changed()
    }),
  )
}

/** The table of runs; it is replaced only where it says something else. */
function chosenInTable(actions: { choose(name: string, isChosen: boolean): void; open(name: string): void }) {
  const root = element('div', { class: 'card' })
  let shown = ''
  return {
    root,
    show(runs: readonly RunSummary[], colours: ReadonlyMap<string, string>): void {
      const text = JSON.stringify([runs, [...colours]])
      if (text === shown) return
      shown = text
      const table = runTable(runs, { colours, ...actions })
      if (root.contains(document.activeElement)) refreshTable(root, table)
      else root.replaceChildren(table)
    },
  }
}

/** Replaces the table without taking the focus from the box that has it. */
function refreshTable(table: HTMLElement, fresh: HTMLElement): void {
  const row = document.activeElement?.closest('tr')?.getAttribute('data-run')
  table.replaceChildren(fresh)
  for (const next of table.querySelectorAll('tr'))
    if (next.getAttribute('data-run') === row) next.querySelector('input')?.focus()
}

/** The runs of the URL; without any, the first few that have a bound. */
export function chosenRuns(all: readonly RunSummary[], text: string | undefined): string[] {
  try {
    const names: unknown = text === undefined ? undefined : JSON.parse(text)
    if (Array.isArray(names)) return names.filter(name => all.some(run => run.name === name))
  } catch {
    // not a list: as if there were none
  }
  return all
    .filter(run => !('error' in run))
    .slice(0, USUAL)
    .map(run => run.name)
}

function showErrors(trouble: HTMLElement, store: RunStore, chosen: readonly string[]): void {
  for (const name of chosen) {
    const error = store.metrics(name)?.error
    if (error !== undefined) trouble.append(errorBox(error))
  }
}

function welcome(context: Context, { checkpoints, mode }: About): HTMLElement {
  const link = button('The text', () => context.open({ view: 'text' }), { class: 'plain' })
  return element(
    'div',
    { class: 'notice' },
    element(
      'p',
      {},
      mode === 'live'
        ? `There are no runs in ${checkpoints} yet. A training that is started now appears here by itself: `
        : 'No runs were exported.',
    ),
    mode === 'live' && element('p', {}, element('code', {}, 'npx elbo train --preset latent-2d')),
    element(
      'p',
      {},
      link,
      ' works without any run: the bound, its gap, EM and the gradient estimators, each with a figure to push.',
    ),
  )
}
