// Calls that fail as on a full disk or in a folder that may not be written to.

/** What still works when a disk is full: freeing space, and what needs none. */
const freeing = new Set(['unlink', 'rmdir', 'ftruncate', 'truncate', 'chmod', 'fchmod', 'utimes', 'futimes'])

/** Does nothing for the calls before the K-th; throws the error `code` for it and for all that follow. */
export function failingFrom(k, code) {
  let calls = 0
  return ({ name, path }) => {
    calls++
    if (calls < k || ((code === 'ENOSPC' || code === 'EDQUOT') && freeing.has(name))) return
    throw Object.assign(new Error(`${code}: made to fail, ${name} '${path}'`), { code, syscall: name, path })
  }
}
