/** Programs of a model card that draw images from an exported decoder, in Node, a browser and Python. */
import type { Vae } from '../../models/vae.js'
import type { Exported } from './exported.js'
import { PRIOR_FILE } from './exported-prior.js'

interface Snippet {
  heading: string
  language: 'js' | 'html' | 'python'
  code: string
}

/** A program for each format that was exported, which decodes the z of samples.json; and one that draws z from a learned prior. */
export function snippetsOf({ trained: { vae }, savedModel, onnx }: Exported): Snippet[] {
  const prior = [
    { heading: 'Node.js, z from the prior', language: 'js', code: nodePrior(vae) },
    { heading: 'Python, z from the prior', language: 'python', code: numpyPrior(vae) },
  ] as const
  return [
    { heading: 'Node.js', language: 'js', code: node(vae) },
    { heading: 'Browser', language: 'html', code: browser(vae) },
    { heading: 'Python, NumPy', language: 'python', code: numpy },
    ...(savedModel ? [{ heading: 'Python, TensorFlow', language: 'python', code: tensorflow(vae) } as const] : []),
    ...(onnx ? [{ heading: 'Python, ONNX', language: 'python', code: onnxruntime(vae) } as const] : []),
    ...(vae.latents.prior.components ? prior : []),
  ]
}

/** Expression of TF.js for the mean image; the raw outputs where it takes more than a line. */
const meanOf = ({ likelihood }: Vae): string => {
  const outputs = likelihood.heads.length > 1 ? '[decoder.predict(inputs)].flat()[0]' : 'decoder.predict(inputs)'
  return likelihood.sigmoidMean ? `tf.sigmoid(${outputs})` : outputs
}

/** Statements of TF.js that make `inputs` of z and of the classes, in variables of these names. */
const inputsOf = ({ classes }: Vae, z: string, label: string): string =>
  classes === undefined
    ? `const inputs = tf.tensor(${z})`
    : `const inputs = [tf.tensor(${z}), tf.oneHot(tf.tensor1d(${label}, 'int32'), ${classes}).toFloat()] // z and classes`

/** What is read of samples.json. */
const sampled = ({ classes }: Vae): string => (classes === undefined ? '{ z }' : '{ z, label }')

const what = ({ likelihood }: Vae): string =>
  likelihood.sigmoidMean ? 'mean images' : `outputs: ${likelihood.meaning}`

const node = (vae: Vae): string => `// npm install @tensorflow/tfjs
import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs'

const { modelTopology, weightsManifest } = JSON.parse(readFileSync('decoder/model.json', 'utf8'))
const weightData = new Uint8Array(readFileSync('decoder/weights.bin')).buffer
const weightSpecs = weightsManifest[0].weights
const decoder = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }))
const ${sampled(vae)} = JSON.parse(readFileSync('samples.json', 'utf8'))
${inputsOf(vae, 'z', 'label')}
const images = ${meanOf(vae)} // ${what(vae)}
console.log(images.shape, (await images.data())[0])`

const browser = (vae: Vae): string => `<!doctype html>
<canvas id="image" style="width: 200px; image-rendering: pixelated"></canvas>
<script src="https://cdn.jsdelivr.net/npm/@tensorflow/tfjs@4.22.0/dist/tf.min.js"></script>
<script type="module">
  const decoder = await tf.loadLayersModel('decoder/model.json')
  const ${sampled(vae)} = await (await fetch('samples.json')).json()
  ${inputsOf(vae, 'z.slice(0, 1)', 'label.slice(0, 1)')}
  const image = ${meanOf(vae)} // ${what(vae)}
  await tf.browser.toPixels(image.reshape([${vae.image.rows}, ${vae.image.columns}, ${vae.image.channels}]), document.getElementById('image'))
</script>`

const numpy = `# pip install numpy safetensors
from safetensors.numpy import load_file

for name, array in load_file('weights.safetensors').items():
    print(name, array.shape)  # such as decoder/hidden_1/kernel (inputs, units)`

const tensorflow = ({ classes }: Vae): string => `# pip install tensorflow
import json
import tensorflow as tf

model = tf.saved_model.load('saved_model')
samples = json.load(open('samples.json'))
z = tf.constant(samples['z'], tf.float32)
${classes === undefined ? '' : `label = tf.one_hot(samples['label'], ${classes})  # classes\n`}images = model.signatures['decoder'](${classes === undefined ? 'z=z' : 'z=z, label=label'})['mean']  # mean images, [batch, values of an image]
print(images.shape, float(images[0, 0]))`

const onnxruntime = ({ classes }: Vae): string => `# pip install numpy onnxruntime
import json
import numpy as np
import onnxruntime

decoder = onnxruntime.InferenceSession('onnx/decoder.onnx')
samples = json.load(open('samples.json'))
z = np.array(samples['z'], np.float32)
${classes === undefined ? '' : `label = np.eye(${classes}, dtype=np.float32)[samples['label']]  # classes\n`}images, = decoder.run(['mean'], ${classes === undefined ? "{'z': z}" : "{'z': z, 'label': label}"})  # mean images, [batch, values of an image]
print(images.shape, images[0, 0])`

const nodePrior = ({ latentDim }: Vae): string => `// npm install @tensorflow/tfjs
import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs'

const { weight, mean, variance } = JSON.parse(readFileSync('${PRIOR_FILE}', 'utf8'))
const k = tf.multinomial(tf.log(tf.tensor1d(weight)), 64) // 64 components
const noise = tf.randomNormal([64, ${latentDim}])
const z = tf.add(tf.gather(tf.tensor2d(mean), k), tf.mul(tf.sqrt(tf.gather(tf.tensor2d(variance), k)), noise))
console.log(z.shape)`

const numpyPrior = ({ latentDim }: Vae): string => `# pip install numpy
import json
import numpy as np

prior = {name: np.array(values) for name, values in json.load(open('${PRIOR_FILE}')).items()}
random = np.random.default_rng(1)
k = random.choice(len(prior['weight']), 64, p=prior['weight'])  # 64 components
z = prior['mean'][k] + np.sqrt(prior['variance'][k]) * random.standard_normal((64, ${latentDim}))
print(z.shape)`
