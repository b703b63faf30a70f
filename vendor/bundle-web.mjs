// Bundles the page of `elbo explore` into dist/web: src/web and the layers that it shares with the program, TF.js and its backends.
import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { chapterTexts } from './chapter-texts.mjs'
import { licences } from './licences.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const output = join(root, 'dist/web')

/** What TF.js's WebAssembly backend loads in a page that has no shared memory. */
const wasm = ['tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm.wasm']

/**
 * Writes dist/web. Returns the paths of its files.
 * @returns {Promise<string[]>}
 */
export async function bundleWeb() {
  const { build } = await import('esbuild')
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  const { metafile } = await build({
    entryPoints: { page: join(root, 'src/web/main.ts'), style: join(root, 'src/web/style.css') },
    outdir: output,
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    metafile: true,
    legalComments: 'none',
    logLevel: 'error',
    chunkNames: 'chunk-[name]-[hash]',
    assetNames: '[name]',
    loader: { '.woff2': 'file', '.woff': 'empty', '.ttf': 'empty' },
    alias: { '#tfjs': join(root, 'vendor/web-tfjs.js') },
    // TF.js looks for Node's modules only where there is a Node.
    plugins: [{ name: 'no-node', setup: withoutNode }, chapterTexts],
  })
  copyFileSync(join(root, 'src/web/index.html'), join(output, 'index.html'))
  const backend = join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist')
  for (const name of wasm) cpSync(join(backend, name), join(output, name))
  writeFileSync(join(output, 'LICENSES.txt'), licences(root, Object.keys(metafile.inputs), 'dist/web'))
  return readdirSync(output).map(name => join(output, name))
}

/** @param {import('esbuild').PluginBuild} build */
function withoutNode(build) {
  build.onResolve(
    { filter: /^(fs|path|os|util|crypto|string_decoder|node-fetch|perf_hooks|worker_threads)$/ },
    ({ path }) => ({
      path,
      namespace: 'none',
    }),
  )
  build.onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {}' }))
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const path of await bundleWeb()) console.log(`${relative(root, path)} ${statSync(path).size}`)
}
