/** The table of runs: which are drawn, how far they are, their best bounds. */
import type { RunSummary } from '../../explore/protocol.js'
import { element, freshId, nats } from '../dom.js'

export interface TableOptions {
  /** The colours of the runs that are drawn, by name. */
  colours: ReadonlyMap<string, string>
  choose(name: string, isChosen: boolean): void
  /** Opens another view of a run. */
  open(name: string): void
}

/** The rows of all runs. */
export function runTable(runs: readonly RunSummary[], options: TableOptions): HTMLElement {
  const head = ['', 'run', 'epochs', 'best bound', 'model', 'now'].map((text, i) =>
    element(
      'th',
      { scope: 'col', class: i === 2 || i === 3 ? 'number sticky' : 'sticky' },
      text || element('span', { class: 'hidden-text' }, 'drawn'),
    ),
  )
  return element(
    'div',
    { class: 'table-wrap', tabindex: 0, role: 'region', 'aria-label': 'Runs' },
    element(
      'table',
      { class: 'runs' },
      element('thead', {}, element('tr', {}, ...head)),
      element('tbody', {}, ...runs.map(run => row(run, options))),
    ),
  )
}

function row(run: RunSummary, options: TableOptions): HTMLElement {
  const colour = options.colours.get(run.name)
  const swatch = element('span', { class: 'swatch' })
  if (colour) swatch.style.background = `var(--${colour})`
  const id = freshId('run')
  const box = element('input', { type: 'checkbox', id, checked: colour !== undefined })
  box.addEventListener('change', () => options.choose(run.name, box.checked))
  const first = element('td', {}, box)
  const name = element('td', {}, element('label', { for: id, class: 'run-name' }, swatch, run.name))
  if ('error' in run)
    return element(
      'tr',
      { 'data-run': run.name },
      first,
      name,
      element('td', { colspan: 4 }, element('span', { class: 'bad', role: 'alert' }, run.error)),
    )
  const open = element('button', { type: 'button', class: 'plain' }, run.model)
  open.addEventListener('click', () => options.open(run.name))
  return element(
    'tr',
    { 'data-run': run.name },
    first,
    name,
    element('td', { class: 'number' }, `${run.epoch}/${run.epochs}`),
    element('td', { class: 'number' }, bestOf(run.best)),
    element('td', { class: 'model' }, run.method === 'vae' ? open : run.model),
    element(
      'td',
      {},
      run.isTraining ? element('span', { class: 'training' }, `trains${timeLeft(run.secondsLeft)}`) : '',
    ),
  )
}

function bestOf(best: { epoch: number; bound: number | null } | null): string {
  if (best === null) return 'none yet'
  return best.bound === null ? 'not validated' : `${nats(best.bound)}`
}

function timeLeft(seconds: number | undefined): string {
  if (seconds === undefined) return ''
  if (seconds < 90) return `, ${Math.ceil(seconds)} s left`
  if (seconds < 5400) return `, ${Math.ceil(seconds / 60)} min left`
  return `, ${(seconds / 3600).toFixed(1)} h left`
}
