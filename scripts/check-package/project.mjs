// An empty project of a new user.
import { mkdirSync, mkdtempSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The library is fetched by the first project, into its empty home; the others use that. */
let cache

/** A folder with a space in its name, and an environment with an empty home. `home` and `cwd` hold nothing. */
export function newProject(folder, nodeFolder) {
  const place = mkdtempSync(join(folder, 'a user '))
  const [home, cwd] = [join(place, 'home'), join(place, 'my project')]
  for (const path of [home, cwd]) mkdirSync(path)
  const { ELBO_CACHE: _, XDG_CACHE_HOME: __, ELBO_OFFLINE: ___, ...inherited } = process.env
  const env = {
    ...inherited,
    HOME: home,
    PATH: nodeFolder + delimiter + process.env.PATH,
    NO_COLOR: '1',
    // What package managers keep is not the package's doing.
    npm_config_cache: join(folder, 'npm-cache'),
    npm_config_update_notifier: 'false',
    YARN_CACHE_FOLDER: join(folder, 'yarn-cache'),
    XDG_CONFIG_HOME: join(place, 'config'),
    XDG_DATA_HOME: join(place, 'data'),
    XDG_STATE_HOME: join(place, 'state'),
    ...(cache && { ELBO_CACHE: cache }),
  }
  cache ??= join(home, '.cache', 'elbo')
  return { cwd, home, env }
}
