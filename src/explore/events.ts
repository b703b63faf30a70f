/** What changes while somebody looks, as server-sent events: `run`, `metrics`, `removed`. Files are only read, and only while a page listens. */
import type { ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { type Documents, metricsOf } from './documents.js'
import type { RunSummary } from './protocol.js'

/** Milliseconds between two looks. */
const EVERY = 1000

/** Pages that can listen at the same time. */
const MOST_LISTENERS = 32

export interface Events {
  /** Sends events to a page until it leaves. Returns false if too many listen already. */
  add(response: ServerResponse): boolean
  close(): void
}

export function events({ summaries, tail }: Documents): Events {
  const listeners = new Set<ServerResponse>()
  const sent = new Map<string, { summary: string; lines: number; error: string | undefined }>()
  let timer: NodeJS.Timeout | undefined
  let isLooking = false
  const send = (event: string, data: unknown) => {
    for (const listener of listeners) listener.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  const lookAt = (run: RunSummary, isFirst: boolean) => {
    const { name } = run
    const now = tail(name)
    const [summary, lines, error] = [JSON.stringify(run), now.lines.length, now.error]
    const before = sent.get(name) ?? { summary: '', lines: isFirst ? lines : 0, error: undefined }
    sent.set(name, { summary, lines, error })
    if (isFirst) return
    if (before.summary !== summary) send('run', run)
    const from = lines < before.lines ? 0 : before.lines
    if (lines !== before.lines || error !== before.error) send('metrics', metricsOf(name, from, now))
  }
  const look = async (isFirst: boolean) => {
    const found = summaries()
    for (const run of found) {
      lookAt(run, isFirst)
      await setImmediate() // others are answered in between
    }
    for (const name of sent.keys())
      if (!found.some(run => run.name === name)) {
        sent.delete(name)
        send('removed', { name })
      }
  }
  const lookAgain = () => {
    look(false)
      .catch(error => send('trouble', { error: (error as Error).message }))
      .finally(() => {
        if (listeners.size > 0) timer = setTimeout(lookAgain, EVERY)
        else isLooking = false
      })
  }
  const start = async () => {
    isLooking = true
    sent.clear()
    await look(true).catch(() => undefined) // the next look says what is wrong
    timer = setTimeout(lookAgain, EVERY)
  }
  return {
    add(response) {
      if (listeners.size >= MOST_LISTENERS) return false
      response.write('retry: 1000\n\n')
      listeners.add(response)
      response.on('close', () => listeners.delete(response))
      if (!isLooking) void start()
      return true
    },
    close() {
      clearTimeout(timer)
      for (const listener of listeners) listener.end()
    },
  }
}
