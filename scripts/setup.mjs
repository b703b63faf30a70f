// Makes a clone ready to run: npm packages, native TensorFlow, compiled program, each only if it is missing or out of date.
// Runs by itself before `npm run train` and `npm test`, or by `npm run setup`; with --cuda it fetches the CUDA build of TensorFlow too.
// Everything it says goes to stderr.

const oldestNode = [20, 12]

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
  console.error(
    `elbo: needs Node ${oldestNode.join('.')} or newer, and this is ${process.version}: install a newer Node`,
  )
  process.exit(1)
}
const [option, ...more] = process.argv.slice(2)
if ((option !== undefined && option !== '--cuda') || more.length > 0) {
  console.error(`elbo: the set-up takes --cuda or nothing, and was given '${process.argv.slice(2).join(' ')}'`)
  process.exit(2)
}

// Loaded only now: an older Node would refuse these files with an error about their syntax.
const { setUp } = await import('./setup/steps.mjs')
process.exitCode = await setUp({ cuda: option === '--cuda' })
