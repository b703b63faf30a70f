/** The frame of the views of one model: a choice of the run, its model and test images, and what cannot be shown. */
import type { RunSummary } from '../../explore/protocol.js'
import type { Compute } from '../compute.js'
import { button, element, errorBox, select } from '../dom.js'
import type { Context } from '../view.js'
import { openImages, type TestImages } from './images.js'
import { type LoadedModel, openModel } from './model.js'

export interface Opened extends LoadedModel {
  run: string
  images: TestImages
  /** The class of decoded points, of a conditional model: its number and its name. */
  shownClass: number | undefined
  className: string | undefined
  compute: Compute
  /** Aborted when the view ends or another run is chosen. */
  signal: AbortSignal
}

/** Calls `show` with the run that the state names, or the first VAE; again after another is chosen. Returns what ends it all. */
export function withModel(
  root: HTMLElement,
  context: Context,
  show: (body: HTMLElement, opened: Opened) => () => void,
): () => void {
  const bar = element('div', { class: 'row model-bar' })
  const body = element('div', { class: 'stack' })
  root.append(bar, body)
  let stop = new AbortController()
  let dispose = () => {}
  const end = () => {
    stop.abort()
    dispose()
    dispose = () => {}
  }
  const openRun = async (run: string, said: HTMLElement) => {
    end()
    stop = new AbortController()
    const { signal } = stop
    bar.querySelector('[data-classes]')?.remove()
    body.replaceChildren(element('p', { class: 'note', role: 'status' }, `Loading the model of run ${run} …`))
    try {
      const [compute, model, images] = await Promise.all([
        context.compute(),
        openModel(context, run),
        openImages(context.api, run),
      ])
      if (signal.aborted) return
      said.textContent = describe(model, compute)
      said.title = compute.refusals.join('\n')
      const { classes } = model.about
      const showAt = (shownClass?: number) => {
        end()
        stop = new AbortController()
        body.replaceChildren()
        const className = classes?.[shownClass ?? 0]
        dispose = show(body, { ...model, run, images, shownClass, className, compute, signal: stop.signal })
      }
      if (classes) bar.insertBefore(classSelect(context, classes, showAt), said)
      showAt(classes && chosenClass(context, classes.length))
    } catch (error) {
      if (!signal.aborted) body.replaceChildren(errorBox((error as Error).message))
    }
  }
  const first = stop.signal
  context.api.get<RunSummary[]>('runs.json').then(
    runs => {
      if (!first.aborted) choose(bar, body, context, runs, openRun)
    },
    error => body.append(errorBox((error as Error).message)),
  )
  return end
}

/** The class in the state of the page: its number, from 0. */
const chosenClass = ({ state }: Context, count: number): number =>
  Math.min(Math.max(0, Math.round(state.number('class', 0))), count - 1)

/** A choice of the class of decoded points. */
function classSelect(context: Context, names: readonly string[], change: (number: number) => void): HTMLElement {
  const options = names.map((name, number) => [String(number), name] as const)
  const control = select('class', options, String(chosenClass(context, names.length)), value => {
    context.state.set({ class: value })
    change(Number(value))
  })
  control.dataset.classes = String(names.length)
  return control
}

function choose(
  bar: HTMLElement,
  body: HTMLElement,
  context: Context,
  runs: readonly RunSummary[],
  open: (run: string, said: HTMLElement) => Promise<void>,
): void {
  const usable = runs.filter(run => 'error' in run || run.method === 'vae')
  const wanted = context.state.get('run')
  const chosen = runs.find(({ name }) => name === wanted) ?? usable.find(run => !('error' in run)) ?? usable[0]
  if (chosen === undefined) return void body.append(noRuns(context, runs.length > 0))
  const said = element('span', { class: 'note' })
  const names = runs.map(({ name }) => [name, name] as const)
  bar.append(
    select('run', names, chosen.name, name => {
      context.state.set({ run: name, image: undefined, class: undefined, dims: undefined, pins: undefined }, true)
      bar.querySelector('.whole-row')?.remove()
      void open(name, said)
    }),
    said,
  )
  if (wanted !== undefined && chosen.name !== wanted)
    bar.append(
      element(
        'div',
        { class: 'whole-row' },
        errorBox(`There is no run '${wanted}' here; run ${chosen.name} is shown.`),
      ),
    )
  void open(chosen.name, said)
}

const describe = ({ about }: LoadedModel, { backend, device }: Compute): string =>
  `${about.classes ? 'p(x|y): points are decoded as this class, test images read with their own; ' : ''}${about.snapshot} snapshot, epoch ${about.epoch}; computed in this browser by TF.js ${backend} (${device})`

function noRuns(context: Context, areOthers: boolean): HTMLElement {
  return element(
    'div',
    { class: 'notice' },
    element(
      'p',
      {},
      areOthers
        ? 'None of the runs is a VAE, which this view needs. One is trained by: '
        : 'There are no runs yet. One is trained by: ',
      element('code', {}, 'npx elbo train --preset latent-2d'),
    ),
    element(
      'p',
      {},
      'It appears here as soon as its first epoch is saved. ',
      button('The text', () => context.open({ view: 'text' }), { class: 'plain' }),
      ' works without any run.',
    ),
  )
}
