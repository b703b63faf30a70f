/** Pictures that a training wrote, epoch by epoch. */
import type { PicturesOf } from '../../explore/protocol.js'
import { type Api, path } from '../api.js'
import { element, select, slider } from '../dom.js'
import type { PageState } from '../state.js'

type Kind = keyof PicturesOf

export interface Samples {
  readonly root: HTMLElement
  /** Shows the pictures of a run; looks for new ones each time it is called. */
  show(run: string): void
  dispose(): void
}

/** A picture with a slider over the epochs; `epoch` and `pictures` are in the state of the page. */
export function samples(api: Api, state: PageState): Samples {
  const stop = new AbortController()
  const controls = element('div', { class: 'row' })
  const image = element('img', { class: 'grid-picture', alt: '' })
  const note = element('p', { class: 'note' })
  const root = element(
    'section',
    { class: 'card stack', 'aria-label': 'Pictures of the training' },
    element('h3', {}, 'Pictures of the training'),
    controls,
    image,
    note,
  )
  let shown = ''
  let found: PicturesOf = { samples: [], reconstructions: [] }
  const kind = (): Kind => (state.get('pictures') === 'reconstructions' ? 'reconstructions' : 'samples')
  const display = (run: string, index: number) => {
    const picture = found[kind()][index]
    image.hidden = picture === undefined
    if (picture === undefined) return
    const url = api.url(path('runs', run, 'pictures', picture.file))
    if (image.src !== url) image.src = url
    image.alt = `${kind()} of run ${run} after epoch ${picture.epoch}`
    const what =
      kind() === 'samples'
        ? 'Images drawn from the model, the same draws of z at each epoch'
        : 'Pairs: a validation image and its reconstruction'
    note.textContent = `${what}. Run ${run}, after epoch ${picture.epoch}.`
  }
  const build = (run: string) => {
    const list = found[kind()]
    const wanted = state.number('epoch', Number.POSITIVE_INFINITY)
    const at = Math.max(
      0,
      list.findLastIndex(({ epoch }) => epoch <= wanted),
    )
    controls.replaceChildren(
      select(
        '',
        [
          ['samples', 'samples'],
          ['reconstructions', 'reconstructions'],
        ],
        kind(),
        value => {
          state.set({ pictures: value === 'samples' ? undefined : value })
          build(run)
        },
      ),
    )
    controls.querySelector('select')?.setAttribute('aria-label', 'Kind of pictures')
    if (list.length > 1) {
      const epochs = slider({
        label: 'epoch',
        min: 0,
        max: list.length - 1,
        step: 1,
        value: at,
        format: i => String(list[i]?.epoch ?? ''),
        change(i) {
          state.set({ epoch: i === list.length - 1 ? undefined : list[i]?.epoch })
          display(run, i)
        },
      })
      epochs.root.classList.add('wide')
      controls.append(epochs.root)
    }
    display(run, at)
    if (list.length === 0) note.textContent = `Run ${run} has no pictures yet.`
  }
  return {
    root,
    show(run) {
      api.get<PicturesOf>(path('runs', run, 'pictures.json'), stop.signal).then(
        pictures => {
          const isSame = shown === run && pictures.samples.length === found.samples.length
          found = pictures
          shown = run
          if (!isSame) build(run)
        },
        error => {
          if (stop.signal.aborted) return
          image.hidden = true
          note.textContent = (error as Error).message
        },
      )
    },
    dispose: () => stop.abort(),
  }
}
