// Are these objects what the published types say? A field that does not exist, one that is missing and
// one of another type are each a complaint.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const HERE = dirname(fileURLToPath(import.meta.url));
const OPERATOR = '@kubernetes-models/prometheus-operator/';
const PACKAGES = {
  'v1/ConfigMap': 'kubernetes-models/v1/ConfigMap',
  'v1/Service': 'kubernetes-models/v1/Service',
  'apps/v1/Deployment': 'kubernetes-models/apps/v1/Deployment',
  'policy/v1/PodDisruptionBudget': 'kubernetes-models/policy/v1/PodDisruptionBudget',
  'networking.k8s.io/v1/NetworkPolicy': 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy',
  'monitoring.coreos.com/v1/ServiceMonitor': `${OPERATOR}monitoring.coreos.com/v1/ServiceMonitor`,
};

const OPTIONS = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  types: [],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
};

function sourceOf(object, i) {
  const type = PACKAGES[`${object.apiVersion}/${object.kind}`];
  if (!type) return `export const o${i}: never = "no type of ${object.apiVersion} ${object.kind} is known";\n`;
  return `import type { I${object.kind} as T${i} } from '${type}';\n` +
    `export const o${i}: T${i} = ${JSON.stringify(object)};\n`;
}

/** @return one sentence for each thing that is wrong. */
export function complaints(objects) {
  // Beside node_modules, where its imports are looked for; it is never written.
  const file = join(HERE, 'manifests.ts');
  const text = objects.map(sourceOf).join('');
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, getSourceFile, readFile } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? text : readFile(name));
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, text, OPTIONS.target) : getSourceFile(name, ...rest);
  return ts
    .getPreEmitDiagnostics(ts.createProgram([file], OPTIONS, host))
    .map((found) => ts.flattenDiagnosticMessageText(found.messageText, '\n'));
}
