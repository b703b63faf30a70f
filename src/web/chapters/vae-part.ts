/** Figure: training of a VAE in the page, with its bound, its latent plane and its reconstructions. */
import { button, select, slider } from '../dom.js'
import type { Context } from '../view.js'
import { createLiveVae } from './numbers/live-vae.js'
import { type ToyName, toyNames } from './numbers/toy-images.js'
import type { ChapterState } from './parts/chapter-state.js'
import { inTurn, type Turns } from './parts/in-turn.js'
import { buttons, lab, plusMinus, signed } from './parts/lab.js'
import { player } from './parts/player.js'
import type { Part } from './parts/prose.js'
import { announcer, readings } from './parts/readings.js'
import { vaeFigures } from './vae-figures.js'
import { look, type VaeShown } from './vae-shown.js'

/** Steps between two looks at the bound, and seconds that a look stays. */
const speeds = {
  slow: { steps: 1, seconds: 0.5 },
  medium: { steps: 5, seconds: 0.05 },
  fast: { steps: 40, seconds: 0 },
} as const

type Speed = keyof typeof speeds

const dataTitles: Readonly<Record<ToyName, string>> = {
  discs: 'discs, 10 × 10 pixels',
  moons: 'moons, points in the plane',
}

interface Settings {
  data: ToyName
  seed: number
  /** The learning rate is 10 to this power. */
  rate: number
  speed: Speed
  z1: number
  z2: number
}

const settingsFrom = (state: ChapterState, seed: number): Settings => ({
  data: state.choice('data', toyNames, 'discs'),
  seed: state.number('seed', seed, [1, 99]),
  rate: state.number('rate', -2, [-4, -1]),
  speed: state.choice('speed', ['slow', 'medium', 'fast'], 'medium'),
  z1: state.number('z1', 0, [-2.4, 2.4]),
  z2: state.number('z2', 0, [-2.4, 2.4]),
})

export function trainingPart(context: Context, state: ChapterState, fail: (error: Error) => void): Part {
  const settings = settingsFrom(state, context.seed)
  const session = vaeSession(context, settings)
  const figures = vaeFigures(context, session.shown, (z1, z2) => movePoint({ z1, z2 }))
  const numbers = vaeReadings()
  const voice = announcer()
  const turns = inTurn(fail)
  const show = () => {
    const shown = session.shown()
    if (shown === undefined) return
    numbers.set(textsOf(shown))
    voice.say(sentenceOf(shown))
    figures.redraw()
  }
  const begin = () => session.begin().then(show)
  const train = (steps: number) => session.train(steps).then(show)
  const decode = onceATurn(turns, () => session.decode().then(figures.redrawPoint))
  function movePoint(moved: Partial<Pick<Settings, 'z1' | 'z2'>>): void {
    Object.assign(settings, moved)
    for (const axis of ['z1', 'z2'] as const) controls[axis].set(settings[axis])
    state.set(moved)
    decode()
  }
  const start = button('Train', () => play.toggle(), { class: 'primary' })
  const play = player({
    button: start,
    texts: ['Train', 'Pause'],
    seconds: () => speeds[settings.speed].seconds,
    step: () => turns.run(() => train(speeds[settings.speed].steps)),
  })
  const restart = (changed: Partial<Settings>) => {
    Object.assign(settings, changed)
    state.set(changed)
    play.stop()
    void turns.run(begin)
  }
  const controls = slidersOf(settings, movePoint)
  void turns.run(begin)
  return {
    root: lab('A VAE that trains here', figures.roots, [
      buttons(
        start,
        button('One step', () => void turns.run(() => train(1))),
        button('Start again', () => restart({})),
      ),
      ...settingControls(settings, state, restart),
      controls.z1.root,
      controls.z2.root,
      numbers.root,
      voice.root,
    ]),
    dispose() {
      play.stop()
      figures.dispose()
      voice.dispose()
      turns.end(session.dispose)
    },
  }
}

function sentenceOf({ history }: VaeShown): string {
  const last = history.at(-1)
  return last ? `Step ${last.step}: ELBO ${signed(last.elbo.mean, 1)} nats per image.` : ''
}

/** Calls `work` in the next turn, once for all calls before it. */
function onceATurn(turns: Turns, work: () => Promise<void>): () => void {
  let isWaiting = false
  return () => {
    if (isWaiting) return
    isWaiting = true
    void turns.run(async () => {
      isWaiting = false
      await work()
    })
  }
}

/** The model that trains, and what is shown of it. */
function vaeSession(context: Context, settings: Settings) {
  let shown: VaeShown | undefined
  const point = () => [settings.z1, settings.z2] as const
  return {
    shown: () => shown,
    async begin(): Promise<void> {
      await context.compute()
      shown?.model.dispose()
      shown = undefined
      shown = await look(createLiveVae(settings), [], point())
    },
    async train(steps: number): Promise<void> {
      if (shown === undefined) return
      for (let step = 0; step < steps; step++) await shown.model.step(10 ** settings.rate)
      shown = await look(shown.model, shown.history, point())
    },
    async decode(): Promise<void> {
      if (shown === undefined) return
      const chosen = point()
      Object.assign(shown, { point: chosen, decoded: await shown.model.decoded(chosen) })
    },
    dispose: () => shown?.model.dispose(),
  }
}

/** What is chosen before and while it trains; images and seed begin anew. */
function settingControls(
  settings: Settings,
  state: ChapterState,
  restart: (changed: Partial<Settings>) => void,
): HTMLElement[] {
  const keep = (changed: Partial<Settings>) => {
    Object.assign(settings, changed)
    state.set(changed)
  }
  const rate = (power: number) => (10 ** power).toPrecision(2)
  return [
    select(
      'images',
      toyNames.map(name => [name, dataTitles[name]] as const),
      settings.data,
      data => restart({ data: data as ToyName }),
    ),
    select(
      'speed',
      Object.keys(speeds).map(name => [name, name] as const),
      settings.speed,
      speed => keep({ speed: speed as Speed }),
    ),
    slider({
      ...{ label: 'learning rate', min: -4, max: -1, step: 0.25, value: settings.rate, format: rate },
      change: power => keep({ rate: power }),
    }).root,
    slider({ label: 'seed', min: 1, max: 99, step: 1, value: settings.seed, change: seed => restart({ seed }) }).root,
  ]
}

function slidersOf(settings: Settings, move: (moved: Partial<Pick<Settings, 'z1' | 'z2'>>) => void) {
  const one = (name: 'z1' | 'z2', label: string) =>
    slider({
      ...{ label, min: -2.4, max: 2.4, step: 0.05, value: settings[name], format: (value: number) => signed(value, 2) },
      change: value => move({ [name]: value }),
    })
  return { z1: one('z1', 'decode at z₁'), z2: one('z2', 'decode at z₂') }
}

const vaeReadings = () =>
  readings('Images not trained on, nats per image', [
    { id: 'step', label: 'steps of 50 images' },
    { id: 'reconstruction', label: 'reconstruction' },
    { id: 'kl', label: '− KL(q(z|x) ‖ p(z))' },
    { id: 'elbo', label: 'ELBO ± standard error', colour: 'series-3', isSum: true },
    { id: 'images', label: 'images measured' },
  ])

function textsOf({ history, model }: VaeShown): Record<string, string> {
  const last = history.at(-1)
  if (last === undefined) return {}
  return {
    step: String(last.step),
    reconstruction: signed(last.reconstruction, 2),
    kl: signed(-last.kl, 2),
    elbo: plusMinus(last.elbo.mean, last.elbo.standardError, 2),
    images: String(model.images.count),
  }
}
