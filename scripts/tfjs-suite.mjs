// Runs TF.js's own published test suite on our binding: `npm run test:tfjs`, or on a GPU `npm run test:tfjs -- cuda`. Run it after any change
// in src/libtensorflow/ and after an update of TF.js, koffi or TensorFlow. Needs `npm run setup`; compiles src/libtensorflow/ itself. Exits
// with 1 on an unknown failure.
import { bundle } from './tfjs-suite/bundle.mjs'
import { runSpecs } from './tfjs-suite/run.mjs'

const backend = process.argv[2] ?? 'tensorflow'
const LEAST_PASSED = { tensorflow: 3876, cuda: 3874 }[backend]
if (LEAST_PASSED === undefined) {
  console.error(`the suite runs on tensorflow or cuda, but '${backend}' was given`)
  process.exit(2)
}

/** Specs that also fail on tfjs-node's own C++ addon with this TensorFlow, and why. */
const KNOWN_FAILURES = new Map(
  {
    tensorflow: [['round test-tensorflow {} int32', 'the CPU kernel of TensorFlow 2.21 makes every int32 zero']],
    cuda: [
      ['bincount test-tensorflow {} with 1d float weights.', 'the GPU kernel takes no weights'],
      ['bincount test-tensorflow {} with 1d float weights and number out of range.', 'the GPU kernel takes no weights'],
      [
        'depthwiseConv2d gradients test-tensorflow {} throws error on dilations > 1',
        'the GPU kernel refuses dilations earlier, with another message',
      ],
      ['exp test-tensorflow {} int32', 'the spec compares 22026 with 1e-3, below the rounding of float32'],
    ],
  }[backend],
)

const { passed, skipped, failures } = await runSpecs(await bundle(), backend)
for (const { name, messages } of failures) {
  const known = KNOWN_FAILURES.get(name)
  console.log(`\nFAILED ${name}${known === undefined ? '' : ` (known: ${known})`}\n  ${messages.join('\n  ')}`)
}
const unknown = failures.filter(({ name }) => !KNOWN_FAILURES.has(name))
if (passed < LEAST_PASSED) console.log(`\nfewer than ${LEAST_PASSED} specs passed`)
console.log(`${passed} passed, ${failures.length} failed, ${skipped} skipped`)
if (unknown.length > 0 || passed < LEAST_PASSED) process.exitCode = 1
