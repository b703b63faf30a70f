/** Mixtures and factor analysis: what images are made of, the posterior of an image, and EM in half steps. */
import * as tf from '#tfjs'
import { WHITE } from '../../data/levels.js'
import type { RunSummary } from '../../explore/protocol.js'
import { element, errorBox, select } from '../dom.js'
import { openImages, type TestImages } from '../model/images.js'
import type { Context, View } from '../view.js'
import { halfStepsCard } from './half-steps-card.js'
import { imagePicker } from './image-picker.js'
import { ingredientsCard } from './ingredients-card.js'
import { type EmModel, loadEmModel } from './model.js'
import type { RunTensors } from './run-tensors.js'
import { runTensors } from './tensors.js'

export const mixtures: View = {
  id: 'mixtures',
  title: 'Mixtures',
  mount(root, context) {
    const bar = element('div', { class: 'row model-bar' })
    const body = element('div', { class: 'stack' })
    root.append(bar, body)
    let end = () => {}
    const stop = new AbortController()
    const openRun = (run: string, said: HTMLElement) => {
      end()
      end = showRun({ run, context, body, said })
    }
    context.api.get<RunSummary[]>('runs.json', stop.signal).then(
      runs => chooseRun(bar, body, context, runs, openRun),
      error => !stop.signal.aborted && body.append(errorBox((error as Error).message)),
    )
    return () => {
      stop.abort()
      end()
    }
  },
}

/** Methods whose runs have components or factors. */
const methods = ['bernoulli-mixture', 'gaussian-mixture', 'factor-analysis', 'ppca']

function chooseRun(
  bar: HTMLElement,
  body: HTMLElement,
  { state }: Context,
  runs: readonly RunSummary[],
  open: (run: string, said: HTMLElement) => void,
): void {
  const usable = runs.filter(run => 'error' in run || methods.includes(run.method))
  const wanted = state.get('run')
  const chosen = usable.find(({ name }) => name === wanted) ?? usable.find(run => !('error' in run)) ?? usable[0]
  if (chosen === undefined) return void body.append(noRuns())
  const said = element('span', { class: 'note' })
  const names = usable.map(({ name }) => [name, name] as const)
  bar.append(
    select('run', names, chosen.name, name => {
      state.set({ run: name, image: undefined }, true)
      bar.querySelector('.whole-row')?.remove()
      open(name, said)
    }),
    said,
  )
  if (wanted !== undefined && chosen.name !== wanted)
    bar.append(
      element(
        'p',
        { class: 'note whole-row' },
        `Run ${wanted} has no components and no factors; run ${chosen.name} is shown.`,
      ),
    )
  open(chosen.name, said)
}

const noRuns = (): HTMLElement =>
  element(
    'div',
    { class: 'notice' },
    element('p', {}, 'There are no runs of mixtures or of factor analysis yet. They are begun by:'),
    ...['npx elbo em bernoulli-mixture', 'npx elbo em factor-analysis'].map(command =>
      element('p', {}, element('code', {}, command)),
    ),
  )

interface Shown {
  run: string
  context: Context
  body: HTMLElement
  said: HTMLElement
}

/** Loads a run and shows it; returns what frees it, also while it loads. */
function showRun({ run, context, body, said }: Shown): () => void {
  let [hasEnded, dispose] = [false, () => {}]
  body.replaceChildren(element('p', { class: 'note', role: 'status' }, `Loading run ${run} …`))
  said.textContent = ''
  const load = async () => {
    const { backend } = await context.compute()
    const [tensors, images] = await Promise.all([runTensors(context.api, run), openImages(context.api, run)])
    const unit = await images.batch(0)
    const some = tf.tidy(() => tf.mul(unit, WHITE)) as tf.Tensor2D
    const model = await loadEmModel(run, tensors, some).finally(() => tf.dispose([unit, some]))
    if (hasEnded) return model.dispose()
    said.textContent = `best snapshot, epoch ${model.epoch}; computed in this browser by TF.js ${backend}`
    dispose = fill(body, context, { run, model, images, tensors })
  }
  load().catch(error => {
    if (!hasEnded) body.replaceChildren(errorBox((error as Error).message))
  })
  return () => {
    hasEnded = true
    dispose()
  }
}

/** A run that can be shown. */
interface OpenedRun {
  run: string
  model: EmModel
  images: TestImages
  tensors: RunTensors
}

function fill(body: HTMLElement, context: Context, { run, model, images, tensors }: OpenedRun): () => void {
  const ingredients = ingredientsCard(run, model, images)
  let latest = 0
  const picker = imagePicker(context, images, async (levels, about) => {
    latest += 1
    const asked = latest
    const explanation = await model.explain(levels)
    if (asked === latest) ingredients.show({ levels, about, explanation })
  })
  const steps = model.kind === 'components' ? halfStepsCard(context, run, images, tensors) : undefined
  body.replaceChildren(
    element(
      'div',
      { class: 'columns' },
      ingredients.root,
      element('div', { class: 'stack' }, picker.root, ingredients.side),
    ),
    ...(steps ? [steps.root] : []),
  )
  return () => {
    picker.dispose()
    steps?.dispose()
    model.dispose()
  }
}
