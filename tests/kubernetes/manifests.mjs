// What the manifests must say of each other, beyond their types.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const DIRECTORY = join(dirname(fileURLToPath(import.meta.url)), '../../kubernetes');

/** The objects that `kubectl apply -k` makes, by kind. */
export function manifests() {
  const { resources } = parse(readFileSync(join(DIRECTORY, 'kustomization.yaml'), 'utf8'));
  const objects = resources.map((name) => parse(readFileSync(join(DIRECTORY, name), 'utf8')));
  return Object.fromEntries(objects.map((object) => [object.kind, object]));
}

/** Files of objects that the kustomization does not name. */
export function forgotten() {
  const { resources } = parse(readFileSync(join(DIRECTORY, 'kustomization.yaml'), 'utf8'));
  return readdirSync(DIRECTORY).filter(
    (name) => name.endsWith('.yaml') && name !== 'kustomization.yaml' && !resources.includes(name),
  );
}

const selects = (selector, labels) =>
  Object.keys(selector ?? {}).length > 0 &&
  Object.entries(selector).every(([name, value]) => labels?.[name] === value);

/** @return one sentence for each thing that is wrong. */
export function contradictions(all) {
  const wrong = [];
  const expect = (right, sentence) => right || wrong.push(sentence);
  const pod = all.Deployment.spec.template;
  const [exporter, ...others] = pod.spec.containers;
  const ports = Object.fromEntries(exporter.ports.map((port) => [port.name, port.containerPort]));
  const service = all.Service;
  const own = exporter.securityContext ?? {};
  const whole = pod.spec.securityContext ?? {};

  expect(others.length === 0, 'there is one container');
  expect(all.Deployment.spec.strategy?.type === 'Recreate', 'never do two poll at once');
  expect(selects(all.Deployment.spec.selector.matchLabels, pod.metadata.labels), 'the Deployment selects its pods');
  expect(selects(service.spec.selector, pod.metadata.labels), 'the Service selects the pods');
  expect(selects(all.PodDisruptionBudget.spec.selector?.matchLabels, pod.metadata.labels), 'the budget is of the pods');
  expect(selects(all.NetworkPolicy.spec.podSelector?.matchLabels, pod.metadata.labels), 'the policy is of the pods');
  expect(selects(all.ServiceMonitor.spec.selector.matchLabels, service.metadata.labels), 'the ServiceMonitor selects the Service');
  for (const port of service.spec.ports) {
    expect(port.targetPort in ports, 'the Service leads to a port of the container');
    expect(port.port === ports[port.targetPort], 'the Service has the port of the container');
  }
  for (const endpoint of all.ServiceMonitor.spec.endpoints) {
    expect(service.spec.ports.some((port) => port.name === endpoint.port), 'the ServiceMonitor scrapes a port of the Service');
    expect(!endpoint.honorLabels, 'target labels stay what they are');
  }
  for (const rule of all.NetworkPolicy.spec.ingress) {
    expect(rule.from?.length > 0, 'the policy says who may come in');
    expect(rule.ports?.every((port) => port.port in ports), 'the policy opens ports of the container');
  }
  expect(all.NetworkPolicy.spec.policyTypes.join() === 'Ingress,Egress', 'the policy is of both directions');

  expect(pod.spec.automountServiceAccountToken === false, 'no token of Kubernetes is mounted');
  expect(whole.runAsNonRoot === true && whole.runAsUser > 0, 'it does not run as root');
  expect(whole.seccompProfile?.type === 'RuntimeDefault', 'it has a seccomp profile');
  expect(own.readOnlyRootFilesystem === true, 'it writes nowhere');
  expect(own.allowPrivilegeEscalation === false, 'it gains no privileges');
  expect(own.capabilities?.drop?.join() === 'ALL' && !own.capabilities.add, 'it has no capabilities');
  expect(exporter.resources?.limits?.memory && exporter.resources.requests?.memory, 'its memory is bounded');

  for (const [probe, path] of [['livenessProbe', '/-/healthy'], ['readinessProbe', '/-/ready']]) {
    const asked = exporter[probe]?.httpGet;
    expect(asked?.path === path && asked.port in ports, `the ${probe} asks ${path}`);
  }

  const mounts = Object.fromEntries(exporter.volumeMounts.map((mount) => [mount.name, mount]));
  for (const volume of pod.spec.volumes) {
    expect(mounts[volume.name]?.readOnly === true, `${volume.name} is mounted, and cannot be written`);
    // Not by everybody, and by the group that the files have.
    if (volume.secret) expect(volume.secret.defaultMode === 0o440 && whole.fsGroup === whole.runAsGroup, 'keys are read by its group alone');
    if (volume.configMap) expect(volume.configMap.name === all.ConfigMap.metadata.name, 'the mounted ConfigMap exists');
  }
  expect(!exporter.env && !exporter.envFrom, 'no key is in the environment');
  expect(pod.spec.volumes.some((volume) => volume.secret), 'keys are files of a Secret');
  return wrong;
}
