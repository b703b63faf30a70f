/** Tasks that run one after another, so that none sees the work of another half done. */

export interface Turns {
  /** Runs `task` after those before it, unless the turns have ended. */
  run(task: () => Promise<void>): Promise<void>
  /** No further task begins; calls `last` when the one that runs is over. */
  end(last: () => void): void
}

/** `fail` receives what a task throws. */
export function inTurn(fail: (error: Error) => void): Turns {
  let [before, hasEnded] = [Promise.resolve(), false]
  const after = (task: () => Promise<void> | void) => {
    before = before.then(task).catch(error => fail(error as Error))
    return before
  }
  return {
    run: task => after(() => (hasEnded ? undefined : task())),
    end(last) {
      hasEnded = true
      void after(last)
    },
  }
}
