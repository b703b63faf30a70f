// Builds into dist/.tfjs-suite what the suite runs: our src/libtensorflow/, and TF.js's specs bundled with the one copy of tfjs-core and
// tfjs-node that they test. They are bundled because tfjs-core's ES modules lack the file extensions that Node needs.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))
const output = join(root, 'dist', '.tfjs-suite')

/** tfjs-node's compiled classes call their base class as a function, but in tfjs-core's ES modules it is a class, which cannot be called. */
const callableBaseClass = {
  name: 'callable-base-class',
  setup(build) {
    build.onLoad({ filter: /nodejs_kernel_backend\.js$/ }, ({ path }) => ({
      loader: 'js',
      contents: replaceOnce(
        readFileSync(path, 'utf8'),
        '_super.call(this) || this',
        'Reflect.construct(_super, [], this.constructor)',
      ),
    }))
  },
}

/** Builds both and resolves to their paths: `specs`, a CommonJS file, and `binding`, an ES module. */
export async function bundle() {
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  const specs = join(output, 'specs.cjs')
  const binding = join(output, 'binding.mjs')
  await Promise.all([buildSpecs(specs), buildBinding(binding)])
  return { specs, binding }
}

function buildSpecs(outfile) {
  return build({
    entryPoints: [join(root, 'scripts/tfjs-suite/specs.js')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    alias: { '@tensorflow/tfjs': '@tensorflow/tfjs-core' },
    external: ['node-fetch'],
    // tfjs-core declares its registrations as free of side effects.
    ignoreAnnotations: true,
    logLevel: 'error',
    plugins: [callableBaseClass],
  })
}

/** src/ imports TF.js as `#tfjs`, an ES module, which cannot be replaced by the copy under test as a CommonJS module can. */
const coreAlone = {
  name: 'core-alone',
  setup(build) {
    build.onResolve({ filter: /^#tfjs$/ }, () => ({ path: '@tensorflow/tfjs-core', external: true }))
  },
}

function buildBinding(outfile) {
  return build({
    entryPoints: [join(root, 'scripts/tfjs-suite/binding.js')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['#koffi', '@bufbuild/*'],
    logLevel: 'error',
    plugins: [coreAlone],
  })
}

function replaceOnce(text, from, to) {
  if (text.split(from).length !== 2)
    throw new Error(`tfjs-node has changed: its backend does not contain "${from}" exactly once`)
  return text.replace(from, to)
}
