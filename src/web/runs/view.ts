/** Runs, live: their curves as they are written. */
import type { RunSummary } from '../../explore/protocol.js'
import { element, errorBox, nats } from '../dom.js'
import type { View } from '../view.js'

export const runs: View = {
  id: 'runs',
  title: 'Runs',
  mount(root, { api }) {
    const stop = new AbortController()
    api.get<RunSummary[]>('runs.json', stop.signal).then(
      found =>
        root.append(
          ...found.map(run =>
            element('p', {}, `${run.name} ${'error' in run ? run.error : nats(run.best?.bound ?? Number.NaN)}`),
          ),
        ),
      error => root.append(errorBox((error as Error).message)),
    )
    return () => stop.abort()
  },
}
