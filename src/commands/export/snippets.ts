/** Programs of a model card that draw images from an exported decoder, in Node, a browser and Python. */
import type { Vae } from '../../models/vae.js'
import type { Exported } from './exported.js'

interface Snippet {
  heading: string
  language: 'js' | 'html' | 'python'
  code: string
}

/** A program for each format that was exported. Each decodes the z of samples.json. */
export function snippetsOf({ trained: { vae }, savedModel, onnx }: Exported): Snippet[] {
  return [
    { heading: 'Node.js', language: 'js', code: node(vae) },
    { heading: 'Browser', language: 'html', code: browser(vae) },
    { heading: 'Python, NumPy', language: 'python', code: numpy },
    ...(savedModel ? [{ heading: 'Python, TensorFlow', language: 'python', code: tensorflow } as const] : []),
    ...(onnx ? [{ heading: 'Python, ONNX', language: 'python', code: onnxruntime } as const] : []),
  ]
}

/** Expression of TF.js for the mean image; the raw outputs where it takes more than a line. */
const meanOf = ({ likelihood }: Vae): string => {
  const outputs = likelihood.heads.length > 1 ? '[decoder.predict(points)].flat()[0]' : 'decoder.predict(points)'
  return likelihood.sigmoidMean ? `tf.sigmoid(${outputs})` : outputs
}

const what = ({ likelihood }: Vae): string =>
  likelihood.sigmoidMean ? 'mean images' : `outputs: ${likelihood.meaning}`

const node = (vae: Vae): string => `// npm install @tensorflow/tfjs
import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs'

const { modelTopology, weightsManifest } = JSON.parse(readFileSync('decoder/model.json', 'utf8'))
const weightData = new Uint8Array(readFileSync('decoder/weights.bin')).buffer
const weightSpecs = weightsManifest[0].weights
const decoder = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }))
const points = tf.tensor(JSON.parse(readFileSync('samples.json', 'utf8')).z)
const images = ${meanOf(vae)} // ${what(vae)}
console.log(images.shape, (await images.data())[0])`

const browser = (vae: Vae): string => `<!doctype html>
<canvas id="image" style="width: 200px; image-rendering: pixelated"></canvas>
<script src="https://cdn.jsdelivr.net/npm/@tensorflow/tfjs@4.22.0/dist/tf.min.js"></script>
<script type="module">
  const decoder = await tf.loadLayersModel('decoder/model.json')
  const { z } = await (await fetch('samples.json')).json()
  const points = tf.tensor(z.slice(0, 1))
  const image = ${meanOf(vae)} // ${what(vae)}
  await tf.browser.toPixels(image.reshape([${vae.image.rows}, ${vae.image.columns}, ${vae.image.channels}]), document.getElementById('image'))
</script>`

const numpy = `# pip install numpy safetensors
from safetensors.numpy import load_file

for name, array in load_file('weights.safetensors').items():
    print(name, array.shape)  # such as decoder/hidden_1/kernel (inputs, units)`

const tensorflow = `# pip install tensorflow
import json
import tensorflow as tf

model = tf.saved_model.load('saved_model')
z = tf.constant(json.load(open('samples.json'))['z'], tf.float32)
images = model.signatures['decoder'](z=z)['mean']  # mean images, [batch, values of an image]
print(images.shape, float(images[0, 0]))`

const onnxruntime = `# pip install numpy onnxruntime
import json
import numpy as np
import onnxruntime

decoder = onnxruntime.InferenceSession('onnx/decoder.onnx')
z = np.array(json.load(open('samples.json'))['z'], np.float32)
images, = decoder.run(['mean'], {'z': z})  # mean images, [batch, values of an image]
print(images.shape, images[0, 0])`
