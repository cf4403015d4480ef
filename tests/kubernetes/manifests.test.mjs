import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contradictions, forgotten, manifests } from './manifests.mjs';
import { complaints } from './types.mjs';

test('each manifest is what the published types say', () => {
  assert.deepEqual(complaints(Object.values(manifests())), []);
});

test('the manifests fit each other, and the pod can do no more than it must', () => {
  assert.deepEqual(forgotten(), []);
  assert.deepEqual(contradictions(manifests()), []);
});

// As the pod has it, but for the place of its files.
test('the exporter starts with the arguments and the configuration of the pod', () => {
  const { ConfigMap, Deployment } = manifests();
  const pod = Deployment.spec.template.spec;
  const [exporter] = pod.containers;
  const root = mkdtempSync(join(tmpdir(), 'serverless_kubernetes.'));
  try {
    for (const mount of exporter.volumeMounts) {
      const volume = pod.volumes.find(({ name }) => name === mount.name);
      mkdirSync(join(root, mount.mountPath), { recursive: true });
      const files = volume.configMap ? ConfigMap.data : { runpod: 'a-key\n' };
      for (const [name, text] of Object.entries(files)) {
        writeFileSync(join(root, mount.mountPath, name), text.replaceAll('"/keys/', `"${root}/keys/`), { mode: 0o440 });
      }
    }
    const args = exporter.args.map((arg) => (arg.startsWith('/') ? root + arg : arg));
    const run = spawnSync(process.env.EXPORTER, [...args, '--check-config'], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const [listen] = ConfigMap.data['config.toml'].match(/^listen = .*$/m);
    assert.equal(listen, `listen = ["0.0.0.0:${exporter.ports[0].containerPort}"]`);
  } finally {
    rmSync(root, { recursive: true });
  }
});

const MISTAKES = {
  'a field that does not exist': ({ Deployment }) => (Deployment.spec.template.spec.containers[0].imag = 'x'),
  'a field that is missing': ({ ServiceMonitor }) => delete ServiceMonitor.spec.selector,
  'a value of another type': ({ Deployment }) => (Deployment.spec.replicas = 'one'),
  'a kind that nobody knows': ({ Service }) => (Service.kind = 'Servise'),
};

for (const [name, make] of Object.entries(MISTAKES)) {
  test(`${name} is seen`, () => {
    const objects = manifests();
    make(objects);
    assert.equal(complaints(Object.values(objects)).length, 1);
  });
}

const CONTRADICTIONS = {
  'the Service selects the pods': ({ Service }) => (Service.spec.selector = { app: 'x' }),
  'the Service leads to a port of the container': ({ Service }) => (Service.spec.ports[0].targetPort = 'web'),
  'the ServiceMonitor scrapes a port of the Service': ({ ServiceMonitor }) => (ServiceMonitor.spec.endpoints[0].port = 'web'),
  'the policy is of the pods': ({ NetworkPolicy }) => (NetworkPolicy.spec.podSelector = {}),
  'the policy says who may come in': ({ NetworkPolicy }) => delete NetworkPolicy.spec.ingress[0].from,
  'never do two poll at once': ({ Deployment }) => delete Deployment.spec.strategy,
  'it does not run as root': ({ Deployment }) => delete Deployment.spec.template.spec.securityContext.runAsNonRoot,
  'it writes nowhere': ({ Deployment }) => delete Deployment.spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem,
  'keys are read by its group alone': ({ Deployment }) => delete Deployment.spec.template.spec.volumes[1].secret.defaultMode,
  'no key is in the environment': ({ Deployment }) => (Deployment.spec.template.spec.containers[0].env = [{ name: 'KEY', value: 'x' }]),
  'the livenessProbe asks /-/healthy': ({ Deployment }) => delete Deployment.spec.template.spec.containers[0].livenessProbe,
};

for (const [sentence, make] of Object.entries(CONTRADICTIONS)) {
  test(`it is seen when it is not so that ${sentence}`, () => {
    const objects = manifests();
    make(objects);
    assert.ok(contradictions(objects).includes(sentence));
  });
}
