/** The components or factors of a model as images, with their weights, and what they are to one image. */
import type { ImageShape } from '../../data/images.js'
import { signed } from '../chapters/parts/lab.js'
import { readings } from '../chapters/parts/readings.js'
import { button, element } from '../dom.js'
import { thumbnail } from '../model/pixels.js'
import { type EmModel, type Explanation, FACTOR_STEPS, type Ingredient } from './model.js'

/** An image and what the model says of it. */
interface Explained {
  /** 0 … 255. */
  levels: Uint8Array
  about: string
  explanation: Explanation
}

export interface IngredientsCard {
  readonly root: HTMLElement
  /** The image and its numbers, for the side. */
  readonly side: HTMLElement
  show(explained: Explained): void
}

/** Ingredients that are shown at first. */
const FIRST = 60

export function ingredientsCard(run: string, model: EmModel, shape: ImageShape): IngredientsCard {
  const tiles = model.ingredients.toSorted((a, b) => b.weight - a.weight).map(one => tileOf(model, one, shape))
  const list = element('ul', { class: `ingredients ${model.kind}` }, ...tiles.slice(0, FIRST).map(({ root }) => root))
  const rest = tiles.slice(FIRST)
  const more = button(`Show ${rest.length} more`, () => {
    list.append(...rest.map(({ root }) => root))
    more.remove()
  })
  const sheet = explanationSheet(run, model, shape)
  return {
    root: element(
      'section',
      { class: 'card stack tight', 'aria-label': titleOf(model) },
      element('h2', {}, titleOf(model)),
      element('p', { class: 'lead' }, leadOf(model)),
      list,
      ...(rest.length > 0 ? [more] : []),
    ),
    side: sheet.root,
    show(explained) {
      const { amounts, sds } = explained.explanation
      const largest = Math.max(...amounts.map(Math.abs))
      for (const tile of tiles) tile.show(amounts[tile.index] as number, sds?.[tile.index], largest)
      sheet.show(explained)
    },
  }
}

const titleOf = ({ kind, ingredients }: EmModel): string =>
  kind === 'components' ? `${ingredients.length} components` : `${ingredients.length} factors`

const leadOf = ({ kind }: EmModel): string =>
  kind === 'components'
    ? 'The mean image of each component and its weight, the heaviest first. Below it, its responsibility for the chosen image: p(component | image).'
    : 'Each row is one factor z from −2 to 2 standard deviations over the first test images, the others at their means; the factor that changes most comes first. Beside it, z of the chosen image: mean ± standard deviation of p(z | image).'

interface Tile {
  readonly index: number
  readonly root: HTMLElement
  show(amount: number, sd: number | undefined, largest: number): void
}

function tileOf({ kind }: EmModel, { index, weight, images }: Ingredient, shape: ImageShape): Tile {
  const isComponent = kind === 'components'
  const name = isComponent ? `component ${index}` : `factor ${index}`
  const pictures = images.map((image, i) => {
    const picture = thumbnail(
      shape,
      isComponent ? 76 : 56,
      isComponent ? `mean of ${name}` : `${name} at ${FACTOR_STEPS[i]} standard deviations`,
    )
    picture.show(image)
    return picture.root
  })
  const fill = element('span', { class: 'fill' })
  const amount = element('span', { class: 'number', 'data-amount': index })
  const root = element(
    'li',
    {},
    element('div', { class: 'pictures' }, ...pictures),
    element(
      'div',
      { class: 'about' },
      element(
        'span',
        { class: 'note' },
        isComponent ? `w ${percent(weight)}` : `${percent(weight)} of the factors’ variance`,
      ),
      element('span', { class: 'meter', 'aria-hidden': 'true' }, fill),
      amount,
    ),
  )
  root.setAttribute('aria-label', name)
  return {
    index,
    root,
    show(value, sd, largest) {
      amount.textContent = isComponent ? `r ${value.toFixed(3)}` : `z ${withSd(value, sd ?? 0)}`
      fill.style.width = `${(100 * Math.abs(value)) / (isComponent ? 1 : largest)}%`
      root.classList.toggle('largest', Math.abs(value) === largest)
    },
  }
}

/** A value and its standard deviation, both to the second digit of the latter. */
function withSd(value: number, sd: number): string {
  const digits = sd > 0 ? Math.min(9, Math.max(0, 1 - Math.floor(Math.log10(sd)))) : 3
  return `${signed(value, digits)} ± ${sd.toFixed(digits)}`
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** The chosen image beside its reconstruction, and the bound of it. */
function explanationSheet(run: string, model: EmModel, shape: ImageShape) {
  const [own, made] = [thumbnail(shape, 112, 'the image'), thumbnail(shape, 112, 'its reconstruction')]
  const about = element('p', { class: 'note', role: 'status' })
  const numbers = readings('In nats, for this image', [
    { id: 'reconstruction', label: 'reconstruction' },
    { id: 'kl', label: model.kind === 'components' ? '− KL(r ‖ weights)' : '− KL(p(z|x) ‖ p(z))' },
    { id: 'bound', label: model.givesLogPx ? 'log p(x)' : 'ELBO, without KL of the parameters', isSum: true },
  ])
  const labelled = (picture: HTMLElement, text: string) =>
    element('div', { class: 'labelled' }, picture, element('span', { class: 'note' }, text))
  return {
    root: element(
      'section',
      { class: 'card stack tight', 'aria-label': 'The posterior of the image' },
      element(
        'div',
        { class: 'row pair' },
        labelled(own.root, 'as the model reads it'),
        labelled(made.root, 'mean image under the posterior'),
      ),
      about,
      numbers.root,
      element('p', { class: 'note' }, 'All test images: ', element('code', {}, `elbo score ${run}`)),
    ),
    show({ levels, about: text, explanation }: Explained) {
      own.show(levels, 1)
      made.show(explanation.image)
      about.textContent = text
      const { bound, reconstruction, kl } = explanation
      numbers.set({ bound: signed(bound), reconstruction: signed(reconstruction), kl: signed(-kl) })
    },
  }
}
