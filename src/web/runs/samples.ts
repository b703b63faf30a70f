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

/** What has pictures: its name and its epochs. */
interface Found extends PicturesOf {
  run: string
}

/** A picture with a slider over the epochs; `epoch` and `pictures` are in the state of the page. */
export function samples(api: Api, state: PageState): Samples {
  const stop = new AbortController()
  const controls = element('div', { class: 'row' })
  const frame = pictureFrame(api)
  let found: Found = { run: '', samples: [], reconstructions: [] }
  const build = () => {
    const kind = kindOf(state)
    const list = found[kind]
    const wanted = state.number('epoch', Number.POSITIVE_INFINITY)
    const at = Math.max(
      0,
      list.findLastIndex(({ epoch }) => epoch <= wanted),
    )
    const show = (i: number) => frame.show(found.run, kind, list[i])
    controls.replaceChildren(kindChoice(state, build))
    if (list.length > 1) controls.append(epochSlider(list, at, state, show))
    show(at)
  }
  return {
    root: element(
      'section',
      { class: 'card stack', 'aria-label': 'Pictures of the training' },
      element('h3', {}, 'Pictures of the training'),
      controls,
      ...frame.parts,
    ),
    show(run) {
      api.get<PicturesOf>(path('runs', run, 'pictures.json'), stop.signal).then(
        pictures => {
          const isSame = found.run === run && pictures.samples.length === found.samples.length
          found = { run, ...pictures }
          if (!isSame) build()
        },
        error => {
          if (!stop.signal.aborted) frame.fail(error as Error)
        },
      )
    },
    dispose: () => stop.abort(),
  }
}

const kindOf = (state: PageState): Kind => (state.get('pictures') === 'reconstructions' ? 'reconstructions' : 'samples')

/** A picture and what is said of it. */
function pictureFrame(api: Api) {
  const image = element('img', { class: 'grid-picture', alt: '' })
  const note = element('p', { class: 'note' })
  return {
    parts: [image, note],
    show(run: string, kind: Kind, picture: PicturesOf[Kind][number] | undefined): void {
      image.hidden = picture === undefined
      if (picture === undefined) {
        note.textContent = `Run ${run} has no pictures yet.`
        return
      }
      const url = api.url(path('runs', run, 'pictures', picture.file))
      if (image.src !== url) image.src = url
      image.alt = `${kind} of run ${run} after epoch ${picture.epoch}`
      note.textContent = `${WHAT[kind]}. Run ${run}, after epoch ${picture.epoch}.`
    },
    fail({ message }: Error): void {
      image.hidden = true
      note.textContent = message
    },
  }
}

const WHAT: Readonly<Record<Kind, string>> = {
  samples: 'Images drawn from the model, the same draws of z at each epoch',
  reconstructions: 'Pairs: a validation image and its reconstruction',
}

function kindChoice(state: PageState, changed: () => void): HTMLElement {
  const kinds = [
    ['samples', 'samples'],
    ['reconstructions', 'reconstructions'],
  ] as const
  return select('kind', kinds, kindOf(state), value => {
    state.set({ pictures: value === 'samples' ? undefined : value })
    changed()
  })
}

function epochSlider(list: PicturesOf[Kind], at: number, state: PageState, show: (index: number) => void): HTMLElement {
  const { root } = slider({
    label: 'epoch',
    min: 0,
    max: list.length - 1,
    step: 1,
    value: at,
    format: i => String(list[i]?.epoch ?? ''),
    change(i) {
      state.set({ epoch: i === list.length - 1 ? undefined : list[i]?.epoch })
      show(i)
    },
  })
  root.classList.add('wide')
  return root
}
