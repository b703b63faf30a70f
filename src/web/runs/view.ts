/** Runs, live: every run with its best bound, curves of those that are chosen as they are written, and pictures by epoch. */
import type { About, RunSummary } from '../../explore/protocol.js'
import { button, checkbox, element, errorBox, select } from '../dom.js'
import type { Context, View } from '../view.js'
import { type Curve, type Curves, curvesFigure, type XAxis } from './curves.js'
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
  const { api, state, theme } = context
  const isTraining = () => state.get('curve') === 'training'
  const main: Curves[] = [bound, training].map(quantity => curvesFigure({ quantity, theme, hasNames: true }))
  const small = others.map(quantity => curvesFigure({ quantity, theme, aspect: 0.62 }))
  const pictures = samples(api, state)
  const [trouble, table, controls] = [
    element('div'),
    element('div', { class: 'card' }),
    element('div', { class: 'row' }),
  ]
  const large = element('div', { class: 'card stack' }, controls, ...main.map(one => one.root))
  const rest = element(
    'div',
    { class: 'small-figures' },
    ...small.map(one => element('div', { class: 'card' }, one.root)),
  )
  const body = element(
    'div',
    { class: 'stack' },
    table,
    element('div', { class: 'columns' }, large, pictures.root),
    rest,
  )
  root.append(trouble, body)
  let tableText = ''
  let frame = 0
  const update = () => {
    frame = 0
    trouble.replaceChildren(...(store.trouble === undefined ? [] : [errorBox(store.trouble)]))
    if (store.runs.length === 0)
      return void body.replaceChildren(...(store.trouble === undefined ? [welcome(context, about)] : []))
    if (!body.contains(table))
      body.replaceChildren(table, element('div', { class: 'columns' }, large, pictures.root), rest)
    const chosen = chosenRuns(store.runs, state.get('runs'))
    const colours = new Map(chosen.map((name, i) => [name, `series-${(i % COLOURS) + 1}`]))
    const text = JSON.stringify([store.runs, [...colours]])
    if (text !== tableText && !table.contains(document.activeElement)) {
      tableText = text
      table.replaceChildren(runTable(store.runs, { colours, choose, open }))
    } else if (text !== tableText) refreshTable(table, runTable(store.runs, { colours, choose, open }))
    const curves: Curve[] = chosen.map(name => ({
      name,
      colour: colours.get(name) ?? 'series-1',
      lines: store.metrics(name)?.lines ?? [],
    }))
    showCurves(curves)
    const first = chosen[0]
    if (first !== undefined) pictures.show(first)
    showErrors(trouble, store, chosen)
  }
  const showCurves = (curves: readonly Curve[]) => {
    const x: XAxis = state.get('x') === 'seconds' ? 'seconds' : 'epoch'
    main.forEach((one, i) => {
      one.root.hidden = (i === 1) !== isTraining()
      one.show(curves, x)
    })
    for (const one of small) one.show(curves, x)
  }
  const later = () => {
    if (frame === 0) frame = requestAnimationFrame(update)
  }
  const choose = (name: string, isChosen: boolean) => {
    const now = chosenRuns(store.runs, state.get('runs')).filter(other => other !== name)
    state.set({ runs: JSON.stringify(isChosen ? [...now, name] : now) })
    update()
  }
  const open = (name: string) => context.open({ view: 'plane', run: name })
  const store = runStore(api, about.mode === 'live', later)
  controls.append(
    select(
      'over',
      [
        ['epoch', 'epochs'],
        ['seconds', 'seconds'],
      ],
      state.get('x') ?? 'epoch',
      value => {
        state.set({ x: value === 'epoch' ? undefined : value })
        later()
      },
    ),
    checkbox('training instead of validation', isTraining(), isChecked => {
      state.set({ curve: isChecked ? 'training' : undefined })
      later()
    }),
  )
  return () => {
    cancelAnimationFrame(frame)
    store.dispose()
    pictures.dispose()
    for (const one of [...main, ...small]) one.dispose()
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
