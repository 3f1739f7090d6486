// What programs written for client-go and controller-runtime do: a shared informer, a leader election, and a manager
// whose reconciler gives every annotated ConfigMap a Secret of its own. Prints one JSON line of what it saw.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const (
	namespace = "default"
	finalizer = "example.com/copied"
	patience  = 30 * time.Second
)

type copier struct{ client.Client }

func (c copier) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var source corev1.ConfigMap
	if err := c.Get(ctx, request.NamespacedName, &source); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if source.Annotations["example.com/copy"] == "" {
		return ctrl.Result{}, nil
	}
	if !source.DeletionTimestamp.IsZero() {
		controllerutil.RemoveFinalizer(&source, finalizer)
		return ctrl.Result{}, c.Update(ctx, &source)
	}
	if controllerutil.AddFinalizer(&source, finalizer) {
		return ctrl.Result{}, c.Update(ctx, &source)
	}
	copied := corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: source.Name, Namespace: source.Namespace}}
	_, err := controllerutil.CreateOrUpdate(ctx, c.Client, &copied, func() error {
		copied.StringData = source.Data
		return controllerutil.SetControllerReference(&source, &copied, c.Scheme())
	})
	return ctrl.Result{}, err
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func until(ctx context.Context, holds func() bool) {
	check(wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return holds(), nil
	}))
}

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	check(err)
	clients := kubernetes.NewForConfigOrDie(config)

	// client-go: a shared informer over protobuf.
	config.ContentType = "application/vnd.kubernetes.protobuf"
	factory := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0)
	pods := factory.Core().V1().Pods()
	pods.Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	replicas, labels := int32(2), map[string]string{"app": "web"}
	_, err = clients.AppsV1().Deployments(namespace).Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "nginx:1.27"}}},
			},
		},
	}, metav1.CreateOptions{})
	check(err)
	running := 0
	until(ctx, func() bool {
		running = 0
		for _, pod := range pods.Informer().GetStore().List() {
			if pod := pod.(*corev1.Pod); pod.Namespace == namespace && pod.Status.Phase == corev1.PodRunning {
				running++
			}
		}
		return running == 2
	})

	// client-go: a leader election.
	led := make(chan struct{})
	lock, err := resourcelock.New("leases", namespace, "example", clients.CoreV1(), clients.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: "me"})
	check(err)
	electing, resign := context.WithCancel(ctx)
	elected := make(chan struct{})
	go func() {
		defer close(elected)
		leaderelection.RunOrDie(electing, leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second,
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { close(led) },
				OnStoppedLeading: func() {},
			},
		})
	}()
	<-led
	resign()
	<-elected
	lease, err := clients.CoordinationV1().Leases(namespace).Get(ctx, "example", metav1.GetOptions{})
	check(err)

	// controller-runtime: a manager with a reconciler of its own.
	manager, err := ctrl.NewManager(config, ctrl.Options{Metrics: server.Options{BindAddress: "0"}})
	check(err)
	check(ctrl.NewControllerManagedBy(manager).For(&corev1.ConfigMap{}).Owns(&corev1.Secret{}).Complete(copier{manager.GetClient()}))
	go func() { check(manager.Start(ctx)) }()
	check(wait.PollUntilContextTimeout(ctx, time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		return manager.GetCache().WaitForCacheSync(ctx), nil
	}))
	maps, secrets := clients.CoreV1().ConfigMaps(namespace), clients.CoreV1().Secrets(namespace)
	_, err = maps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "source", Annotations: map[string]string{"example.com/copy": "yes"}},
		Data:       map[string]string{"key": "value"},
	}, metav1.CreateOptions{})
	check(err)
	var copied *corev1.Secret
	until(ctx, func() bool {
		copied, err = secrets.Get(ctx, "source", metav1.GetOptions{})
		return err == nil
	})
	check(maps.Delete(ctx, "source", metav1.DeleteOptions{}))
	until(ctx, func() bool {
		_, gone := maps.Get(ctx, "source", metav1.GetOptions{})
		_, collected := secrets.Get(ctx, "source", metav1.GetOptions{})
		return apierrors.IsNotFound(gone) && apierrors.IsNotFound(collected)
	})

	holder := ""
	if lease.Spec.HolderIdentity != nil {
		holder = *lease.Spec.HolderIdentity
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"running": running, "released": holder == "", "copied": string(copied.Data["key"]),
		"owner": copied.OwnerReferences[0].Kind,
	}))
}
