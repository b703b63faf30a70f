// The options of the tools in this folder: --name value, each with a default of its type.

/** The values of `defaults`, replaced by those that the command line gives; a name that is not there ends the process with code 2. */
export function readOptions(defaults) {
  const values = { ...defaults }
  const words = process.argv.slice(2)
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at]?.replace(/^--/, '') ?? ''
    const value = words[at + 1]
    const standard = defaults[name]
    if (standard === undefined || value === undefined || (typeof standard === 'number' && !(Number(value) >= 0))) {
      console.error(`${words.slice(at, at + 2).join(' ')}: expected ${describe(defaults)}`)
      process.exit(2)
    }
    values[name] = typeof standard === 'number' ? Number(value) : value
  }
  return values
}

const describe = defaults =>
  Object.entries(defaults)
    .map(([name, value]) => `--${name} ${typeof value === 'number' ? 'NUMBER' : 'TEXT'} (default: ${value || 'none'})`)
    .join(', ')

/** Mulberry32, a seeded generator of numbers in [0, 1), so that a trial can be repeated. */
export function seededNumbers(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** `count` of the items, evenly spread; all if `count` is 0 or more than there are. */
export function evenly(items, count) {
  if (count === 0 || count >= items.length) return items
  return Array.from({ length: count }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)])
}
