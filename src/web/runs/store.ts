/** The runs and their metrics as the server sees them: loaded once, then kept up to date by its events. */
import type { MetricsOf, RunSummary } from '../../explore/protocol.js'
import type { EpochMetrics } from '../../methods/metrics.js'
import { type Api, path } from '../api.js'

/** Metrics of one run. */
export interface Metrics {
  lines: EpochMetrics[]
  error?: string
}

export interface RunStore {
  readonly runs: readonly RunSummary[]
  /** The metrics of a run; undefined until they are loaded, which this begins. */
  metrics(name: string): Metrics | undefined
  /** Why the list of runs is not current; undefined if it is. */
  readonly trouble: string | undefined
  dispose(): void
}

/** Opens the store; `changed` is called whenever it has news. */
export function runStore(api: Api, isLive: boolean, changed: () => void): RunStore {
  let runs: RunSummary[] = []
  let trouble: string | undefined
  const stop = new AbortController()
  const metrics = metricsOfRuns(api, stop.signal, changed)
  const say = (reason: string | undefined) => {
    if (stop.signal.aborted) return
    trouble = reason
    changed()
  }
  const loadRuns = () =>
    api.get<RunSummary[]>('runs.json', stop.signal).then(
      found => {
        // A run can be deleted before the server listens for it.
        const gone = runs.filter(({ name }) => !found.some(run => run.name === name))
        runs = [...found, ...gone.map(deleted)]
        say(undefined)
      },
      error => say((error as Error).message),
    )
  const onRun = (run: RunSummary) => {
    const at = runs.findIndex(({ name }) => name === run.name)
    runs = at < 0 ? [...runs, run] : runs.with(at, run)
    changed()
  }
  const onRemoved = ({ name }: { name: string }) => {
    runs = runs.map(run => (run.name === name ? deleted(run) : run))
    changed()
  }
  const { add: onMetrics, reload } = metrics
  const close = isLive ? connect(api, { onRun, onMetrics, onRemoved, say, loadRuns, reload }) : () => {}
  void loadRuns()
  return {
    get runs() {
      return runs
    },
    get trouble() {
      return trouble
    },
    metrics: metrics.get,
    dispose() {
      stop.abort()
      close()
    },
  }
}

/** The metrics of each run that was asked for. */
function metricsOfRuns(api: Api, signal: AbortSignal, changed: () => void) {
  const known = new Map<string, Metrics>()
  const loading = new Set<string>()
  const load = async (name: string) => {
    loading.add(name)
    try {
      const { lines, error } = await api.get<MetricsOf>(path('runs', name, 'metrics.json'), signal)
      known.set(name, { lines: [...lines], ...(error !== undefined && { error }) })
    } catch (error) {
      known.set(name, { lines: known.get(name)?.lines ?? [], error: (error as Error).message })
    }
    loading.delete(name)
    if (!signal.aborted) changed()
  }
  return {
    get(name: string): Metrics | undefined {
      if (!known.has(name) && !loading.has(name)) void load(name)
      return known.get(name)
    },
    /** Adds what an event says. */
    add({ name, from, lines, error }: MetricsOf): void {
      const before = known.get(name)
      if (before === undefined) return
      // Lines are missing if events were lost in between.
      if (from > before.lines.length) return void load(name)
      known.set(name, { lines: [...before.lines.slice(0, from), ...lines], ...(error !== undefined && { error }) })
      changed()
    },
    reload(): void {
      for (const name of known.keys()) void load(name)
    },
  }
}

const deleted = ({ name }: RunSummary): RunSummary => ({
  name,
  error: 'the run was deleted or renamed while the page was open',
})

interface Listener {
  onRun(run: RunSummary): void
  onMetrics(metrics: MetricsOf): void
  onRemoved(run: { name: string }): void
  say(reason: string | undefined): void
  loadRuns(): void
  reload(): void
}

/** Listens while the page is seen: a browser opens few connections to one server, and hidden tabs need none. */
function connect(api: Api, { onRun, onMetrics, onRemoved, say, loadRuns, reload }: Listener): () => void {
  let close: (() => void) | undefined
  let wasOpen = false
  const open = () => {
    close = api.events(
      'events',
      {
        run: data => onRun(data as RunSummary),
        metrics: data => onMetrics(data as MetricsOf),
        removed: data => onRemoved(data as { name: string }),
        trouble: data => say((data as { error: string }).error),
      },
      isOpen => {
        if (!isOpen)
          return say(
            'the server does not answer: it was ended; what is shown is what it last said. Start `elbo explore` again',
          )
        loadRuns()
        if (wasOpen) reload()
        wasOpen = true
      },
    )
  }
  const onVisibility = () => {
    if (document.hidden) {
      close?.()
      close = undefined
    } else if (close === undefined) open()
  }
  document.addEventListener('visibilitychange', onVisibility)
  onVisibility()
  return () => {
    document.removeEventListener('visibilitychange', onVisibility)
    close?.()
  }
}
