// Finds out why a wheel could not be fetched, from the output of pip or uv.

import { Refusal } from './refusal.mjs'

/** @typedef {import('../../src/libtensorflow/location.mjs').Wheel} Wheel */

/** A failure that another installer would have too; undefined if it may be the installer's own. @param {string} output @param {Wheel} wheel */
export function knownFailure(output, wheel) {
  const again = 'then run `npm run setup`'
  if (/no space left/i.test(output)) {
    return new Refusal(
      'the disk became full during the download',
      `free some space or set ELBO_CACHE to another disk, ${again}`,
    )
  }
  if (/hash mismatch/i.test(output)) return wrongChecksum(wheel)
  if (/python-build-standalone|no interpreter found/i.test(output)) {
    return new Refusal('uv needs Python 3, but finds none and cannot download one', `install Python 3, ${again}`)
  }
  if (/connection broken|timed out|client error \(connect\)|dns error|ProxyError|SSLError/i.test(output)) {
    return new Refusal(
      `the Python package index cannot be reached (${lastNetworkError(output)})`,
      `check the network, the proxy and the installer's settings, ${again}`,
    )
  }
  if (/no matching distribution|no solution found/i.test(output)) {
    const what = `${wheel.package} ${wheel.version} for ${wheel.pipPlatform}`
    return new Refusal(`the Python package index in use has no ${what}`, `use an index that mirrors it, ${again}`)
  }
  return undefined
}

/** @param {Wheel} wheel */
export function wrongChecksum(wheel) {
  return new Refusal(
    `the fetched ${wheel.package} ${wheel.version} is not the one that elbo was tested with (its SHA-256 differs)`,
    'run `npm run setup` again; if that does not help, ask the operator of the package index in use',
  )
}

/** @param {string} output */
function lastNetworkError(output) {
  const cause =
    /(Name or service not known|Temporary failure in name resolution|nodename nor servname[^'"\n]*|Connection refused|[Tt]imed out|Network is unreachable|certificate verify failed|ProxyError)/
  return cause.exec(output)?.[1] ?? lastError(output)
}

/** The last error message in the installer's output. @param {string} output */
export function lastError(output) {
  const lines = output.split('\n').filter(line => line.trim() !== '')
  const line = lines.findLast(text => /^error\b/i.test(text)) ?? lines.at(-1) ?? 'no output'
  return line.replace(/^error:\s*/i, '').slice(0, 200)
}
