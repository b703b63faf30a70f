/** The image whose posterior is seen: a test image, a file, or a drawing. */
import { WHITE } from '../../data/levels.js'
import { button, checkbox, element, freshId } from '../dom.js'
import { chosenImage, type TestImages } from '../model/images.js'
import type { Opened } from '../model/with-model.js'
import type { Context } from '../view.js'

/** An image as the model reads it. */
export interface Chosen {
  /** [values], in [0, 1]. */
  x: Float32Array
  /** Its number in the test split; undefined for an image of the user. */
  index?: number
  /** In words, such as `test image 7 (label 2)`. */
  about: string
}

/** Test images that can be picked by a click. */
const PICKED = 48

/** Controls that choose an image; `change` is called at first too. */
export function imageSource(opened: Opened, { state }: Context, change: (chosen: Chosen) => void): HTMLElement {
  const { images, about } = opened
  const id = freshId('image')
  const number = element('input', { type: 'number', id, min: 0, max: images.count - 1, step: 1, class: 'short' })
  const said = element('p', { class: 'note', role: 'status' })
  const strip = element('div', { class: 'strip', role: 'group', 'aria-label': 'Test images' })
  let latest = 0
  const pick = async (index: number) => {
    latest += 1
    const asked = latest
    state.set({ image: index })
    number.valueAsNumber = index
    for (const child of strip.children)
      child.setAttribute('aria-pressed', String(child.getAttribute('data-image') === String(index)))
    try {
      const levels = await images.one('read', index)
      if (asked !== latest || opened.signal.aborted) return
      const label = images.label(index)
      const name = images.names?.[index]
      change({
        x: unit(levels),
        index,
        about: `test image ${index}${label === undefined ? '' : `, label ${label}`}${name === undefined ? '' : `, ${name}`}`,
      })
      said.textContent = about.reads === 'dynamic' ? 'As every evaluation reads it: one fixed binary sample.' : ''
    } catch (error) {
      said.textContent = (error as Error).message
    }
  }
  number.addEventListener('change', () => {
    if (Number.isInteger(number.valueAsNumber)) void pick(Math.min(Math.max(0, number.valueAsNumber), images.count - 1))
  })
  const own = (levels: Float32Array, what: string) => {
    latest += 1
    for (const child of strip.children) child.setAttribute('aria-pressed', 'false')
    const x = about.reads === 'none' ? levels : levels.map(value => (value >= 0.5 ? 1 : 0))
    change({ x, about: what })
    said.textContent =
      about.reads === 'none' ? '' : 'Binarized at 0.5, so that the same drawing gives the same numbers.'
  }
  void fillStrip(strip, images, opened.signal, index => void pick(index))
  void pick(chosenImage(state, images.count))
  return element(
    'div',
    { class: 'stack tight' },
    element(
      'div',
      { class: 'row' },
      element('label', { for: id }, 'test image'),
      number,
      button('next', () => void pick((number.valueAsNumber + 1) % images.count)),
    ),
    strip,
    ...ownImages(images, own, reason => {
      said.textContent = reason
    }),
    said,
  )
}

const unit = (levels: Uint8Array): Float32Array => Float32Array.from(levels, level => level / WHITE)

async function fillStrip(
  strip: HTMLElement,
  images: TestImages,
  signal: AbortSignal,
  pick: (index: number) => void,
): Promise<void> {
  for (let index = 0; index < Math.min(PICKED, images.count) && !signal.aborted; index++) {
    const levels = await images.one('grey', index).catch(() => undefined)
    if (levels === undefined) return
    strip.append(imageButton(images, levels, index, pick))
  }
}

/** A picture of an image that can be pressed. */
export function imageButton(
  images: TestImages,
  levels: Uint8Array,
  index: number,
  pick: (index: number) => void,
): HTMLButtonElement {
  const canvas = element('canvas', { width: images.columns, height: images.rows, 'aria-hidden': 'true' })
  canvas.getContext('2d')?.putImageData(picture(images, levels), 0, 0)
  const label = images.label(index)
  const made = element(
    'button',
    {
      type: 'button',
      class: 'picture',
      'data-image': index,
      'aria-label': `test image ${index}${label === undefined ? '' : `, label ${label}`}`,
    },
    canvas,
  )
  made.addEventListener('click', () => pick(index))
  return made
}

function picture({ rows, columns, channels }: TestImages, levels: Uint8Array): ImageData {
  const data = new ImageData(columns, rows)
  for (let i = 0; i < rows * columns; i++) {
    for (let c = 0; c < 3; c++) data.data[4 * i + c] = levels[i * channels + (channels === 1 ? 0 : c)] ?? 0
    data.data[4 * i + 3] = WHITE
  }
  return data
}

/** Pixels of a drawing for each pixel of the image. */
const PEN = 8

function ownImages(
  images: TestImages,
  own: (levels: Float32Array, what: string) => void,
  fail: (reason: string) => void,
): HTMLElement[] {
  const pad = element('canvas', {
    width: images.columns * PEN,
    height: images.rows * PEN,
    class: 'pad',
    'aria-label': 'Draw an image here with the pointer; a file can be opened instead',
    role: 'img',
  })
  const context = pad.getContext('2d', { willReadFrequently: true })
  let isInverted = false
  const wipe = () => {
    if (context === null) return
    context.fillStyle = 'black'
    context.fillRect(0, 0, pad.width, pad.height)
  }
  wipe()
  const use = (what: string) => own(shrunk(pad, images), what)
  drawing(pad, images, () => use('your drawing'))
  const open = async (file: File) => {
    try {
      const bitmap = await createImageBitmap(file)
      wipe()
      if (context === null) return
      context.filter = isInverted ? 'invert(1)' : 'none'
      context.drawImage(bitmap, 0, 0, pad.width, pad.height)
      context.filter = 'none'
      bitmap.close()
      use(`your file ${file.name}, resized to ${images.rows}x${images.columns}`)
    } catch {
      fail(`${file.name}: this browser cannot read it as a picture; a PNG, JPEG or WebP file was expected`)
    }
  }
  const id = freshId('file')
  const input = element('input', { type: 'file', accept: 'image/*', id, class: 'hidden-text' })
  input.addEventListener('change', () => {
    const [file] = input.files ?? []
    if (file) void open(file)
  })
  const drop = element(
    'details',
    { class: 'own' },
    element('summary', { class: 'own-title' }, 'Draw one, or open a file'),
    element(
      'div',
      { class: 'row' },
      pad,
      element(
        'div',
        { class: 'stack tight' },
        button('Clear', wipe),
        input,
        element('label', { for: id, class: 'file-button' }, 'Open a file'),
        checkbox('invert files', false, isChecked => {
          isInverted = isChecked
        }),
      ),
    ),
  )
  drop.addEventListener('dragover', event => event.preventDefault())
  drop.addEventListener('drop', event => {
    event.preventDefault()
    const [file] = event.dataTransfer?.files ?? []
    if (file) void open(file)
  })
  return [drop]
}

/** Lines that follow the pointer, about two pixels of the image wide. */
function drawing(pad: HTMLCanvasElement, { rows }: TestImages, change: () => void): void {
  const context = pad.getContext('2d')
  let last: [number, number] | undefined
  const at = (event: PointerEvent): [number, number] => [
    (event.offsetX * pad.width) / pad.clientWidth,
    (event.offsetY * pad.height) / pad.clientHeight,
  ]
  pad.addEventListener('pointerdown', event => {
    pad.setPointerCapture(event.pointerId)
    last = at(event)
  })
  pad.addEventListener('pointermove', event => {
    if (last === undefined || context === null) return
    const next = at(event)
    context.strokeStyle = 'white'
    context.lineWidth = (PEN * rows) / 12
    context.lineCap = 'round'
    context.beginPath()
    context.moveTo(...last)
    context.lineTo(...next)
    context.stroke()
    last = next
    change()
  })
  for (const name of ['pointerup', 'pointercancel'] as const)
    pad.addEventListener(name, () => {
      last = undefined
    })
}

/** The drawing at the size of the model's images: [values], in [0, 1]. */
function shrunk(pad: HTMLCanvasElement, { rows, columns, channels }: TestImages): Float32Array {
  const small = element('canvas', { width: columns, height: rows }).getContext('2d')
  if (small === null) return new Float32Array(rows * columns * channels)
  small.imageSmoothingQuality = 'high'
  small.drawImage(pad, 0, 0, columns, rows)
  const { data } = small.getImageData(0, 0, columns, rows)
  return Float32Array.from({ length: rows * columns * channels }, (_, i) => {
    const at = 4 * Math.floor(i / channels)
    const [r = 0, g = 0, b = 0] = data.subarray(at, at + 3)
    return channels === 1 ? (0.299 * r + 0.587 * g + 0.114 * b) / WHITE : (data[at + (i % channels)] ?? 0) / WHITE
  })
}
