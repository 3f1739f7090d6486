// What a program written for client-node does: typed calls, an informer, patches, custom resources, errors.
// Prints one JSON line of what it saw; the test compares it.
import * as k8s from '@kubernetes/client-node'

const config = new k8s.KubeConfig()
config.loadFromDefault()
const core = config.makeApiClient(k8s.CoreV1Api)
const apps = config.makeApiClient(k8s.AppsV1Api)
const definitions = config.makeApiClient(k8s.ApiextensionsV1Api)
const customs = config.makeApiClient(k8s.CustomObjectsApi)
const namespace = 'default'
const seen = []

const until = async (holds) => {
  for (let tries = 0; tries < 200; tries++) {
    const found = await holds()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('it never held')
}

const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/pods`, () =>
  core.listNamespacedPod({ namespace }))
for (const event of ['add', 'update', 'delete']) informer.on(event, (pod) => seen.push([event, pod.metadata.name]))
await informer.start()

const labels = { app: 'web' }
const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'nginx:1.27' }] } }
await apps.createNamespacedDeployment({
  namespace,
  body: { metadata: { name: 'web' }, spec: { replicas: 2, selector: { matchLabels: labels }, template } }
})
const ready = await until(async () => {
  const { status } = await apps.readNamespacedDeployment({ namespace, name: 'web' })
  return status.availableReplicas === 2 && status
})
await apps.patchNamespacedDeploymentScale(
  { namespace, name: 'web', body: { spec: { replicas: 1 } } },
  k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch)
)
await until(async () => (await core.listNamespacedPod({ namespace, labelSelector: 'app=web' })).items.length === 1)
await until(() => seen.some(([event]) => event === 'delete'))
await informer.stop()

const refusal = await core.readNamespacedConfigMap({ namespace, name: 'none' }).catch((error) => error)

const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } } }
await definitions.createCustomResourceDefinition({
  body: {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true, schema }]
    }
  }
})
const widgets = { group: 'example.com', version: 'v1', namespace, plural: 'widgets' }
await until(() => customs.listNamespacedCustomObject(widgets).then(() => true, () => false))
await customs.createNamespacedCustomObject({
  ...widgets, body: { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec: { size: 3, lost: true } }
})
const widget = await customs.getNamespacedCustomObject({ ...widgets, name: 'w' })

console.log(JSON.stringify({
  available: ready.availableReplicas,
  added: seen.filter(([event]) => event === 'add').length,
  deleted: seen.filter(([event]) => event === 'delete').length,
  refusal: [refusal.code, JSON.parse(refusal.body).reason],
  widget: widget.spec
}))
