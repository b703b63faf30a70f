// Makes a clone ready to run: installs the npm packages and compiles the program, if missing or out of date. Runs before `npm run train` and
// `npm test`. With --library, which the tests need, also fetches native TensorFlow; without it the program does when it first trains.
// All messages go to stderr.

const oldestNode = [20, 12]

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
  console.error(
    `elbo: Node ${oldestNode.join('.')} or newer is needed, and this is ${process.version}: install a newer Node`,
  )
  process.exit(1)
}
const [option, ...more] = process.argv.slice(2)
if ((option !== undefined && option !== '--library') || more.length > 0) {
  console.error(`elbo: this script takes only --library, but '${process.argv.slice(2).join(' ')}' was given`)
  process.exit(2)
}

// Loaded only now, because an older Node would fail on the syntax of these files.
const { setUp } = await import('./setup/steps.mjs')
process.exitCode = await setUp({ library: option === '--library' })
