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
  const { images, about, signal } = opened
  const said = element('p', { class: 'note', role: 'status' })
  const say = (text: string) => {
    said.textContent = text
  }
  const number = numberRow(images.count, index => void pick(index))
  const strip = imageStrip(images, signal, index => void pick(index))
  let latest = 0
  const pick = async (index: number) => {
    latest += 1
    const asked = latest
    state.set({ image: index })
    number.show(index)
    strip.press(index)
    try {
      const levels = await images.one('read', index)
      if (asked !== latest || signal.aborted) return
      change({ x: unit(levels), index, about: nameOf(images, index) })
      say(about.reads === 'dynamic' ? 'As every evaluation reads it: one fixed binary sample.' : '')
    } catch (error) {
      say((error as Error).message)
    }
  }
  const own = (levels: Float32Array, what: string) => {
    latest += 1
    strip.press(undefined)
    const x = about.reads === 'none' ? levels : levels.map(value => (value >= 0.5 ? 1 : 0))
    change({ x, about: what })
    say(about.reads === 'none' ? '' : 'Binarized at 0.5, so that the same drawing gives the same numbers.')
  }
  void pick(chosenImage(state, images.count))
  return element('div', { class: 'stack tight' }, number.root, strip.root, ownImages(images, own, say), said)
}

/** A test image in words, such as `test image 7, label 2`. */
function nameOf(images: TestImages, index: number): string {
  const [label, name] = [images.label(index), images.names?.[index]]
  return `test image ${index}${label === undefined ? '' : `, label ${label}`}${name === undefined ? '' : `, ${name}`}`
}

/** The number of a test image, and a button for the next one. */
function numberRow(count: number, pick: (index: number) => void) {
  const id = freshId('image')
  const input = element('input', { type: 'number', id, min: 0, max: count - 1, step: 1, class: 'short' })
  input.addEventListener('change', () => {
    if (Number.isInteger(input.valueAsNumber)) pick(Math.min(Math.max(0, input.valueAsNumber), count - 1))
  })
  const label = element('label', { for: id }, 'test image')
  const next = button('next', () => pick((input.valueAsNumber + 1) % count))
  return {
    root: element('div', { class: 'row' }, label, input, next),
    show(index: number): void {
      input.valueAsNumber = index
    },
  }
}

/** The first test images as buttons, of which one is pressed or none. */
function imageStrip(images: TestImages, signal: AbortSignal, pick: (index: number) => void) {
  const root = element('div', { class: 'strip', role: 'group', 'aria-label': 'Test images' })
  let pressed: number | undefined
  const mark = (one: Element) =>
    one.setAttribute('aria-pressed', String(one.getAttribute('data-image') === String(pressed)))
  const fill = async () => {
    for (let index = 0; index < Math.min(PICKED, images.count) && !signal.aborted; index++) {
      const made = imageButton(images, await images.one('grey', index), index, pick)
      mark(made)
      root.append(made)
    }
  }
  // An error shows when the image itself is asked for.
  fill().catch(() => undefined)
  return {
    root,
    press(index: number | undefined): void {
      pressed = index
      for (const one of root.children) mark(one)
    },
  }
}

const unit = (levels: Uint8Array): Float32Array => Float32Array.from(levels, level => level / WHITE)

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

/** Where an image is drawn or a file is opened; `own` is called after each change, with values in [0, 1]. */
function ownImages(
  images: TestImages,
  own: (levels: Float32Array, what: string) => void,
  fail: (reason: string) => void,
): HTMLElement {
  const sheet = drawingSheet(images)
  let isInverted = false
  drawing(sheet.pad, images, () => own(shrunk(sheet.pad, images), 'your drawing'))
  const open = async (file: File) => {
    try {
      await sheet.fill(file, isInverted)
      own(shrunk(sheet.pad, images), `your file ${file.name}, resized to ${images.rows}x${images.columns}`)
    } catch {
      fail(`${file.name}: this browser cannot read it as a picture; a PNG, JPEG or WebP file was expected`)
    }
  }
  const tools = [
    button('Clear', sheet.wipe),
    ...fileButton(file => void open(file)),
    checkbox('invert files', false, isChecked => {
      isInverted = isChecked
    }),
  ]
  const root = element(
    'details',
    { class: 'own' },
    element('summary', { class: 'own-title' }, 'Draw one, or open a file'),
    element('div', { class: 'row' }, sheet.pad, element('div', { class: 'stack tight' }, ...tools)),
  )
  root.addEventListener('dragover', event => event.preventDefault())
  root.addEventListener('drop', event => {
    event.preventDefault()
    const [file] = event.dataTransfer?.files ?? []
    if (file) void open(file)
  })
  return root
}

/** A black canvas of the shape of the images. */
function drawingSheet({ rows, columns }: TestImages) {
  const pad = element('canvas', {
    width: columns * PEN,
    height: rows * PEN,
    class: 'pad',
    'aria-label': 'Draw an image here with the pointer; a file can be opened instead',
    role: 'img',
  })
  const context = pad.getContext('2d', { willReadFrequently: true })
  const wipe = () => {
    if (context === null) return
    context.fillStyle = 'black'
    context.fillRect(0, 0, pad.width, pad.height)
  }
  wipe()
  return {
    pad,
    wipe,
    /** Draws a file over all of it. Throws if the browser cannot read it. */
    async fill(file: File, isInverted: boolean): Promise<void> {
      const bitmap = await createImageBitmap(file)
      wipe()
      if (context === null) return
      context.filter = isInverted ? 'invert(1)' : 'none'
      context.drawImage(bitmap, 0, 0, pad.width, pad.height)
      context.filter = 'none'
      bitmap.close()
    },
  }
}

function fileButton(open: (file: File) => void): HTMLElement[] {
  const id = freshId('file')
  const input = element('input', { type: 'file', accept: 'image/*', id, class: 'hidden-text' })
  input.addEventListener('change', () => {
    const [file] = input.files ?? []
    if (file) open(file)
  })
  return [input, element('label', { for: id, class: 'file-button' }, 'Open a file')]
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
