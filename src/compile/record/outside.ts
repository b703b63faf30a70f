/** Detects a step's use of JavaScript clocks and random numbers, whose values a recording would fix forever. */

/** A call that asks for the time or a random number. */
export interface OutsideCall {
  /** Such as `Math.random`. */
  readonly name: string
  readonly site: Error
  /** Code to write instead, if there is a usual way. */
  readonly instead: string | undefined
}

const KEYED: Readonly<Record<string, string>> = { 'Math.random': 'uniform(key, [])' }

/** Runs `run` and tells `onCall` of each call that asks JavaScript for the time or a random number. */
export function watchOutside<T>(onCall: (call: OutsideCall) => void, run: () => T): T {
  const note = (name: string) => onCall({ name, site: new Error(), instead: KEYED[name] })
  const restore = [
    replace(globalThis, 'Date', watchedDate(note)),
    replace(Math, 'random', watched('Math.random', Math.random, note)),
    replace(performance, 'now', watched('performance.now', performance.now, note)),
    replace(process, 'hrtime', watched('process.hrtime', process.hrtime, note)),
  ]
  try {
    return run()
  } finally {
    for (const undo of restore) undo()
  }
}

function replace<O extends object, K extends keyof O>(object: O, key: K, value: O[K]): () => void {
  const before = Object.getOwnPropertyDescriptor(object, key)
  Object.defineProperty(object, key, { value, configurable: true, writable: true })
  return () => {
    if (before) Object.defineProperty(object, key, before)
    else Reflect.deleteProperty(object, key)
  }
}

/** `f`, with calls of it and of its methods (`process.hrtime.bigint`) reported to `note`. */
function watched<F extends (...args: never[]) => unknown>(name: string, f: F, note: (name: string) => void): F {
  return new Proxy(f, {
    apply(target, self, args) {
      note(name)
      return Reflect.apply(target, self, args)
    },
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? watched(`${name}.${String(key)}`, value as F, note) : value
    },
  })
}

function watchedDate(note: (name: string) => void): DateConstructor {
  return new Proxy(Date, {
    apply(target, self, args) {
      note('Date')
      return Reflect.apply(target, self, args)
    },
    construct(target, args, newTarget) {
      if (args.length === 0) note('new Date')
      return Reflect.construct(target, args, newTarget)
    },
    get(target, key) {
      return key === 'now' ? watched('Date.now', target.now, note) : Reflect.get(target, key)
    },
  })
}
