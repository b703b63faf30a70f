// What the suite runs, built into node_modules/.cache: TF.js's specs with the one copy of tfjs-core and tfjs-node that they test, because
// tfjs-core's ES modules lack the file extensions that Node wants; and our src/libtensorflow/.
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))
const output = join(root, 'node_modules', '.cache', 'elbo-tfjs-suite')

/** tfjs-node's compiled classes call their base class as a function; that of tfjs-core's ES modules is a class, which refuses. */
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

/** Builds both and resolves to their places: `specs`, a CommonJS file, and `binding`, a folder of ES modules. */
export async function bundle() {
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  const specs = join(output, 'specs.cjs')
  const binding = join(output, 'libtensorflow')
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
    // tfjs-core declares its registrations free of side effects.
    ignoreAnnotations: true,
    logLevel: 'error',
    plugins: [callableBaseClass],
  })
}

function buildBinding(outdir) {
  const entryPoints = readdirSync(join(root, 'src/libtensorflow'))
    .filter(file => file.endsWith('.ts'))
    .map(file => join(root, 'src/libtensorflow', file))
  return build({ entryPoints, outdir, format: 'esm', logLevel: 'error' })
}

function replaceOnce(text, from, to) {
  if (text.split(from).length !== 2) throw new Error(`tfjs-node has changed: not one "${from}" in its backend`)
  return text.replace(from, to)
}
