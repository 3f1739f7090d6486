import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** What a program written for fabric8 does: an informer, a wait, server-side apply, edits with conflicts, errors. */
public final class Session {
    public static void main(String[] arguments) {
        Set<String> added = ConcurrentHashMap.newKeySet();
        Map<String, String> labels = Map.of("app", "web");
        try (var client = new KubernetesClientBuilder().build()) {
            var pods = client.pods().inNamespace("default").inform(new ResourceEventHandler<Pod>() {
                @Override public void onAdd(Pod pod) { added.add(pod.getMetadata().getName()); }
                @Override public void onUpdate(Pod before, Pod after) { }
                @Override public void onDelete(Pod pod, boolean unknown) { }
            });
            var web = new DeploymentBuilder()
                .withNewMetadata().withName("web").withNamespace("default").endMetadata()
                .withNewSpec().withReplicas(2).withNewSelector().withMatchLabels(labels).endSelector()
                .withNewTemplate().withNewMetadata().withLabels(labels).endMetadata()
                .withNewSpec().addNewContainer().withName("c").withImage("nginx:1.27").endContainer().endSpec()
                .endTemplate().endSpec().build();
            client.resource(web).create();
            var ready = client.apps().deployments().inNamespace("default").withName("web")
                .waitUntilReady(30, TimeUnit.SECONDS);
            client.apps().deployments().inNamespace("default").withName("web").scale(3);
            client.pods().inNamespace("default").withLabel("app", "web")
                .informOnCondition(found -> found.size() == 3).orTimeout(30, TimeUnit.SECONDS).join();
            pods.close();

            ConfigMap map = new ConfigMapBuilder().withNewMetadata().withName("map").withNamespace("default")
                .endMetadata().addToData("a", "1").build();
            client.resource(map).serverSideApply();
            ConfigMap edited = client.configMaps().inNamespace("default").withName("map")
                .edit(found -> new ConfigMapBuilder(found).addToData("b", "2").build());
            int refused = 0;
            try {
                client.resource(web).create();
            } catch (KubernetesClientException exists) {
                refused = exists.getCode();
            }
            System.out.printf("{\"ready\": %d, \"added\": %d, \"data\": %d, \"refused\": %d}%n",
                ready.getStatus().getReadyReplicas(), added.size(), edited.getData().size(), refused);
        }
    }
}
