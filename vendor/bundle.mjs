// Bundles what the package takes from development packages into dist/vendor, with a file of the licences of the bundled code.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { licences } from './licences.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const core = join(root, 'node_modules/@tensorflow/tfjs-core/dist')

/** The modules of tfjs-core that only export what others export; the package exports all of it. */
const collections = new Set(['index.js', 'base.js', 'ops/ops.js'].map(path => join(core, path)))

/**
 * Writes dist/vendor. Returns the paths of its files.
 * @returns {Promise<string[]>}
 */
export async function bundleVendor() {
  // Not imported at the top of this file, because an earlier step of the set-up installs the package.
  const { build } = await import('esbuild')
  const output = join(root, 'dist/vendor')
  mkdirSync(output, { recursive: true })
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20',
    metafile: true,
    legalComments: 'eof',
    logLevel: 'error',
  }
  const results = await Promise.all([
    build({ ...common, ...files('tfjs', 'js'), format: 'esm', plugins: [await sharedCore()] }),
    build({ ...common, ...files('koffi', 'js'), format: 'esm', external: ['@koromix/*'] }),
    build({ ...common, ...files('hyparquet-writer', 'js'), format: 'esm' }),
    build({
      ...common,
      ...files('tfjs-node', 'cjs'),
      format: 'cjs',
      external: ['@tensorflow/tfjs-core'],
      alias: { '@tensorflow/tfjs': '@tensorflow/tfjs-core', util: join(root, 'vendor/util.js') },
    }),
  ])
  for (const name of ['tfjs.d.ts', 'koffi.d.ts', 'hyparquet-writer.d.ts'])
    copyFileSync(join(root, 'vendor', name), join(output, name))
  copyFileSync(join(root, 'node_modules/koffi/index.d.ts'), join(output, 'koffi-api.d.ts'))
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs))
  writeFileSync(join(output, 'LICENSES.txt'), licences(root, inputs, 'dist/vendor'))
  const types = ['tfjs.d.ts', 'koffi.d.ts', 'hyparquet-writer.d.ts']
  return ['tfjs.js', 'tfjs-node.cjs', 'koffi.js', 'hyparquet-writer.js', ...types, 'LICENSES.txt'].map(name =>
    join(output, name),
  )
}

/** @param {string} name @param {string} extension */
function files(name, extension) {
  return {
    entryPoints: [join(root, `vendor/${name}.js`)],
    outfile: join(root, `dist/vendor/${name}.${extension}`),
    absWorkingDir: root,
  }
}

/** Takes from the installed tfjs-core what it exports, and bundles only those of its modules that have exports of their own. */
async function sharedCore() {
  const exported = new Set(Object.keys((await import('@tensorflow/tfjs-core')).default))
  return {
    name: 'shared-core',
    /** @param {import('esbuild').PluginBuild} build */
    setup(build) {
      build.onResolve({ filter: /^@tensorflow\/[^/]+$/ }, ({ path }) => ({ path, external: true }))
      build.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
        if (!resolveDir.startsWith(core)) return undefined
        const file = join(resolveDir, path.endsWith('.js') ? path : `${path}.js`)
        const names = exportsOf(file)
        const isShared = collections.has(file) || (names.length > 0 && names.every(name => exported.has(name)))
        return isShared ? { path: '@tensorflow/tfjs-core', external: true } : undefined
      })
    },
  }
}

/** The names that an ES module of tfjs-core exports; none if it exports in a form that is not read here. @param {string} file */
function exportsOf(file) {
  const text = readFileSync(file, 'utf8')
  if (/^export (\*|default)/m.test(text)) return []
  const declared = [...text.matchAll(/^export (?:async )?(?:const|let|var|function\*?|class|enum) (\w+)/gm)].map(
    ([, name]) => name,
  )
  const listed = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, list]) => list.split(','))
  return [
    ...declared,
    ...listed
      .map(name =>
        name
          .trim()
          .split(/\s+as\s+/)
          .at(-1),
      )
      .filter(Boolean),
  ]
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const path of await bundleVendor()) console.log(relative(root, path))
}
