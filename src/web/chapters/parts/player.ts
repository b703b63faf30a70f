/** A button that repeats a step until it is pressed again. */

export interface PlayerOptions {
  button: HTMLButtonElement
  /** What the button says when nothing runs, and when something does. */
  texts: readonly [still: string, running: string]
  /** Seconds between steps; 0: as fast as the page is drawn. */
  seconds: number | (() => number)
  step(): Promise<void>
  isDone?(): boolean
}

export interface Player {
  readonly isRunning: boolean
  toggle(): void
  stop(): void
}

export function player({ button, texts, seconds, step, isDone = () => false }: PlayerOptions): Player {
  // The run that is on, if any: a later one gets another number.
  let [run, isRunning] = [0, false]
  const show = () => {
    button.textContent = texts[isRunning ? 1 : 0]
    button.setAttribute('aria-pressed', String(isRunning))
  }
  const stop = () => {
    run += 1
    isRunning = false
    show()
  }
  const loop = async () => {
    const own = run
    while (own === run && !isDone()) {
      await step()
      await pause(typeof seconds === 'number' ? seconds : seconds())
    }
    if (own === run) stop()
  }
  show()
  return {
    get isRunning() {
      return isRunning
    },
    toggle() {
      if (isRunning) return stop()
      run += 1
      isRunning = true
      show()
      void loop()
    },
    stop,
  }
}

/** At least until the next frame, or a moment where pages are not drawn. */
const pause = (seconds: number): Promise<void> =>
  new Promise(resolve => {
    if (seconds > 0) return void setTimeout(resolve, 1000 * seconds)
    setTimeout(resolve, 0)
  })
