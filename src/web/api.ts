/** Data of the page, from the server of `elbo explore` or from the files that `--export` wrote: the paths are the same. */

export interface Api {
  /** The JSON document at `api/PATH`. Throws an Error with the server's reason in one line. */
  get<T>(path: string, signal?: AbortSignal): Promise<T>
  /** The bytes at `api/PATH`. */
  bytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer>
  /** The address of `api/PATH`, for pictures and for models of TF.js. */
  url(path: string): string
  /** Calls `receive` with each event of that name as the server sends it; `onState` says whether the stream is open. Returns what ends it. */
  events(
    path: string,
    listeners: Readonly<Record<string, (data: unknown) => void>>,
    onState?: (isOpen: boolean) => void,
  ): () => void
}

/** Encodes each part of a path, so that names may hold any character. */
export const path = (...parts: (string | number)[]): string => parts.map(part => encodeURIComponent(part)).join('/')

/** The data beside this page. */
export function pageApi(): Api {
  const url = (to: string) => new URL(`api/${to}`, document.baseURI).href
  const fetched = async (to: string, signal?: AbortSignal) => {
    const response = await fetch(url(to), { cache: 'no-store', ...(signal && { signal }) }).catch(error => {
      if ((error as Error).name === 'AbortError') throw error
      throw new Error('the server does not answer: it was ended, or the network is down; start `elbo explore` again')
    })
    if (!response.ok) throw new Error(await reasonOf(response))
    return response
  }
  return {
    url,
    get: async (to, signal) => (await fetched(to, signal)).json(),
    bytes: async (to, signal) => (await fetched(to, signal)).arrayBuffer(),
    events(to, listeners, onState) {
      const source = new EventSource(url(to))
      for (const [name, receive] of Object.entries(listeners))
        source.addEventListener(name, event => receive(JSON.parse(event.data)))
      source.addEventListener('open', () => onState?.(true))
      source.addEventListener('error', () => onState?.(false))
      return () => source.close()
    },
  }
}

/** The reason that the server gives, or its status. */
async function reasonOf(response: Response): Promise<string> {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    if (typeof error === 'string') return error
  } catch {
    // not of this server
  }
  return `the server answers ${response.status} ${response.statusText}`
}
