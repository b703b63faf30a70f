/** A choice of one test image. */
import { button, element, errorBox, freshId } from '../dom.js'
import { chosenImage, type TestImages } from '../model/images.js'
import { imageButton } from '../posterior/source.js'
import type { Context } from '../view.js'

/** Images that can be picked by a click. */
const PICKED = 40

export interface ImagePicker {
  readonly root: HTMLElement
  dispose(): void
}

/** Calls `show` with the levels 0 … 255 of an image as the model reads them, at first and after each choice. */
export function imagePicker(
  { state }: Context,
  images: TestImages,
  show: (levels: Uint8Array, about: string) => Promise<void>,
): ImagePicker {
  let [hasEnded, chosen] = [false, chosenImage(state, images.count)]
  const id = freshId('image')
  const number = element('input', { type: 'number', id, min: 0, max: images.count - 1, step: 1, class: 'short' })
  const strip = element('div', { class: 'strip', role: 'group', 'aria-label': 'Test images' })
  const root = element('section', { class: 'card stack tight', 'aria-label': 'The image' })
  const pick = async (index: number) => {
    chosen = index
    number.valueAsNumber = index
    for (const child of strip.children)
      child.setAttribute('aria-pressed', String(child.getAttribute('data-image') === String(index)))
    try {
      const levels = await images.one('read', index)
      const label = images.label(index)
      if (!hasEnded) await show(levels, `test image ${index}${label === undefined ? '' : `, label ${label}`}`)
    } catch (error) {
      if (!hasEnded) root.append(errorBox((error as Error).message))
    }
  }
  const choose = (index: number) => {
    state.set({ image: index })
    void pick(index)
  }
  const turn = (by: number) => choose((chosen + by + images.count) % images.count)
  number.addEventListener('change', () => {
    if (Number.isInteger(number.valueAsNumber)) choose(Math.min(Math.max(0, number.valueAsNumber), images.count - 1))
  })
  root.append(
    element(
      'div',
      { class: 'row' },
      element('label', { for: id }, 'test image'),
      number,
      button('previous', () => turn(-1)),
      button('next', () => turn(1)),
    ),
    strip,
  )
  const fill = async () => {
    for (let index = 0; index < Math.min(PICKED, images.count) && !hasEnded; index++) {
      const made = imageButton(images, await images.one('grey', index), index, choose)
      made.setAttribute('aria-pressed', String(index === chosen))
      strip.append(made)
    }
  }
  // An error shows when the image itself is asked for.
  fill().catch(() => undefined)
  void pick(chosen)
  return {
    root,
    dispose() {
      hasEnded = true
    },
  }
}
