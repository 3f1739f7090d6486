"""Nodes, namespaces, events, and who may do what."""

from __future__ import annotations

from typing import Final

from reconcile.model.printing.columns.column import AGE, CREATED_AT, NAME, Column

CLUSTER: Final[dict[str, tuple[Column, ...]]] = {
    "nodes": (
        NAME,
        Column("Status", "string", "The status of the node"),
        Column("Roles", "string", "The roles of the node"),
        AGE,
        Column("Version", "string", "Kubelet Version reported by the node."),
        Column(
            "Internal-IP",
            "string",
            "List of addresses reachable to the node. Queried from cloud provider, if available. More info: "
            "https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as "
            "mergeable, but the merge key is not sufficiently unique, which can cause data corruption when it is "
            "merged. Callers should instead use a full-replacement patch. See https://pr.k8s.io/79391 for an "
            "example. Consumers should assume that addresses can change during the lifetime of a Node. However, "
            "there are some exceptions where this may not be possible, such as Pods that inherit a Node's address "
            "in its own status or consumers of the downward API (status.hostIP).",
            priority=1,
        ),
        Column(
            "External-IP",
            "string",
            "List of addresses reachable to the node. Queried from cloud provider, if available. More info: "
            "https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as "
            "mergeable, but the merge key is not sufficiently unique, which can cause data corruption when it is "
            "merged. Callers should instead use a full-replacement patch. See https://pr.k8s.io/79391 for an "
            "example. Consumers should assume that addresses can change during the lifetime of a Node. However, "
            "there are some exceptions where this may not be possible, such as Pods that inherit a Node's address "
            "in its own status or consumers of the downward API (status.hostIP).",
            priority=1,
        ),
        Column(
            "OS-Image",
            "string",
            "OS Image reported by the node from /etc/os-release (e.g. Debian GNU/Linux 7 (wheezy)).",
            priority=1,
        ),
        Column(
            "Kernel-Version",
            "string",
            "Kernel Version reported by the node from 'uname -r' (e.g. 3.16.0-0.bpo.4-amd64).",
            priority=1,
        ),
        Column(
            "Container-Runtime",
            "string",
            "ContainerRuntime Version reported by the node through runtime remote API (e.g. containerd://1.4.2).",
            priority=1,
        ),
    ),
    "namespaces": (
        NAME,
        Column("Status", "string", "The status of the namespace"),
        AGE,
    ),
    "events": (
        Column("Last Seen", "string", "The time at which the most recent occurrence of this event was recorded."),
        Column("Type", "string", "Type of this event (Normal, Warning), new types could be added in the future"),
        Column(
            "Reason",
            "string",
            "This should be a short, machine understandable string that gives the reason for the transition into "
            "the object's current status.",
        ),
        Column("Object", "string", "The object that this event is about."),
        Column(
            "Subobject",
            "string",
            "If referring to a piece of an object instead of an entire object, this string should contain a valid "
            "JSON/Go field access statement, such as desiredState.manifest.containers[2]. For example, if the "
            "object reference is to a container within a pod, this would take on a value like: "
            '"spec.containers{name}" (where "name" refers to the name of the container that triggered the '
            'event) or if no container name is specified "spec.containers[2]" (container with index 2 in this '
            "pod). This syntax is chosen only to have some well-defined way of referencing a part of an object.",
            priority=1,
        ),
        Column(
            "Source",
            "string",
            "The component reporting this event. Should be a short machine understandable string.",
            priority=1,
        ),
        Column("Message", "string", "A human-readable description of the status of this operation."),
        Column(
            "First Seen",
            "string",
            "The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)",
            priority=1,
        ),
        Column("Count", "string", "The number of times this event has occurred.", priority=1),
        Column(
            "Name",
            "string",
            "Name must be unique within a namespace. Is required when creating resources, although some resources "
            "may allow a client to request the generation of an appropriate name automatically. Name is primarily "
            "intended for creation idempotence and configuration definition. Cannot be updated. More info: "
            "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
            priority=1,
            format="name",
        ),
    ),
    "componentstatuses": (
        NAME,
        Column("Status", "string", "Status of the component conditions"),
        Column("Message", "string", "Message of the component conditions"),
        Column("Error", "string", "Error of the component conditions"),
    ),
    "serviceaccounts": (
        NAME,
        AGE,
    ),
    "leasecandidates.coordination.k8s.io": (
        NAME,
        Column(
            "LeaseName",
            "string",
            "LeaseName is the name of the lease for which this candidate is contending. This field is immutable.",
        ),
        Column("BinaryVersion", "string", ""),
        Column("EmulationVersion", "string", ""),
        AGE,
    ),
    "leases.coordination.k8s.io": (
        NAME,
        Column(
            "Holder",
            "string",
            "holderIdentity contains the identity of the holder of a current lease. If Coordinated Leader Election "
            "is used, the holder identity must be equal to the elected LeaseCandidate.metadata.name field.",
        ),
        AGE,
    ),
    "roles.rbac.authorization.k8s.io": (
        NAME,
        CREATED_AT,
    ),
    "clusterroles.rbac.authorization.k8s.io": (
        NAME,
        CREATED_AT,
    ),
    "rolebindings.rbac.authorization.k8s.io": (
        NAME,
        Column(
            "Role",
            "string",
            "RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace. If "
            "the RoleRef cannot be resolved, the Authorizer must return an error.",
        ),
        AGE,
        Column("Users", "string", "Users in the roleBinding", priority=1),
        Column("Groups", "string", "Groups in the roleBinding", priority=1),
        Column("ServiceAccounts", "string", "ServiceAccounts in the roleBinding", priority=1),
    ),
    "clusterrolebindings.rbac.authorization.k8s.io": (
        NAME,
        Column(
            "Role",
            "string",
            "RoleRef can only reference a ClusterRole in the global namespace. If the RoleRef cannot be resolved, "
            "the Authorizer must return an error.",
        ),
        AGE,
        Column("Users", "string", "Users in the clusterRoleBinding", priority=1),
        Column("Groups", "string", "Groups in the clusterRoleBinding", priority=1),
        Column("ServiceAccounts", "string", "ServiceAccounts in the clusterRoleBinding", priority=1),
    ),
    "certificatesigningrequests.certificates.k8s.io": (
        NAME,
        AGE,
        Column(
            "SignerName",
            "string",
            "Requested signer for the request. It is a qualified name in the form: `scope-hostname.io/name`. If "
            "empty, it will be defaulted:\n 1. If it's a kubelet client certificate, it is assigned\n    "
            '"kubernetes.io/kube-apiserver-client-kubelet".\n 2. If it\'s a kubelet serving certificate, it is '
            'assigned\n    "kubernetes.io/kubelet-serving".\n 3. Otherwise, it is assigned '
            '"kubernetes.io/legacy-unknown".\nDistribution of trust for signers happens out of band. You can '
            "select on this field using `spec.signerName`.",
        ),
        Column("Requestor", "string", "Base64-encoded PKCS#10 CSR data"),
        Column(
            "RequestedDuration",
            "string",
            "expirationSeconds is the requested duration of validity of the issued certificate. The certificate "
            "signer may issue a certificate with a different validity duration so a client must check the delta "
            "between the notBefore and and notAfter fields in the issued certificate to determine the actual "
            "duration.\n\nThe v1.22+ in-tree implementations of the well-known Kubernetes signers will honor this "
            "field as long as the requested duration is not greater than the maximum duration they will honor per "
            "the --cluster-signing-duration CLI flag to the Kubernetes controller manager.\n\nCertificate signers "
            "may not honor this field for various reasons:\n\n  1. Old signer that is unaware of the field (such "
            "as the in-tree\n     implementations prior to v1.22)\n  2. Signer whose configured maximum is shorter "
            "than the requested duration\n  3. Signer whose configured minimum is longer than the requested "
            "duration\n\nThe minimum valid value for expirationSeconds is 600, i.e. 10 minutes.",
        ),
        Column("Condition", "string", "Conditions applied to the request, such as approval or denial."),
    ),
    "apiservices.apiregistration.k8s.io": (
        NAME,
        Column("Service", "string", "The reference to the service that hosts this API endpoint."),
        Column("Available", "string", "Whether this service is available."),
        AGE,
    ),
    "flowschemas.flowcontrol.apiserver.k8s.io": (
        NAME,
        Column(
            "PriorityLevel",
            "string",
            "`name` is the name of the priority level configuration being referenced Required.",
        ),
        Column(
            "MatchingPrecedence",
            "string",
            "`matchingPrecedence` is used to choose among the FlowSchemas that match a given request. The chosen "
            "FlowSchema is among those with the numerically lowest (which we take to be logically highest) "
            "MatchingPrecedence.  Each MatchingPrecedence value must be ranged in [1,10000]. Note that if the "
            "precedence is not specified, it will be set to 1000 as default.",
        ),
        Column(
            "DistinguisherMethod",
            "string",
            "`distinguisherMethod` defines how to compute the flow distinguisher for requests that match this "
            "schema. `nil` specifies that the distinguisher is disabled and thus will always be the empty string.",
        ),
        AGE,
        Column("MissingPL", "string", "references a broken or non-existent PriorityLevelConfiguration"),
    ),
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": (
        NAME,
        Column(
            "Type",
            "string",
            "`type` indicates whether this priority level is subject to limitation on request execution.  A value "
            'of `"Exempt"` means that requests of this priority level are not subject to a limit (and thus are '
            "never queued) and do not detract from the capacity made available to other priority levels.  A value "
            'of `"Limited"` means that (a) requests of this priority level _are_ subject to limits and (b) some '
            "of the server's limited capacity is made available exclusively to this priority level. Required.",
        ),
        Column(
            "NominalConcurrencyShares",
            "string",
            "`nominalConcurrencyShares` (NCS) contributes to the computation of the NominalConcurrencyLimit "
            "(NominalCL) of this level. This is the number of execution seats available at this priority level. "
            "This is used both for requests dispatched from this priority level as well as requests dispatched "
            "from other priority levels borrowing seats from this level. The server's concurrency limit (ServerCL) "
            "is divided among the Limited priority levels in proportion to their NCS values:\n\nNominalCL(i)  = "
            "ceil( ServerCL * NCS(i) / sum_ncs ) sum_ncs = sum[priority level k] NCS(k)\n\nBigger numbers mean a "
            "larger nominal concurrency limit, at the expense of every other priority level.\n\nIf not specified, "
            "this field defaults to a value of 30.\n\nSetting this field to zero supports the construction of a "
            '"jail" for this priority level that is used to hold some request(s)',
        ),
        Column(
            "Queues",
            "string",
            "`queues` is the number of queues for this priority level. The queues exist independently at each "
            "apiserver. The value must be positive.  Setting it to 1 effectively precludes shufflesharding and "
            "thus makes the distinguisher method of associated flow schemas irrelevant.  This field has a default "
            "value of 64.",
        ),
        Column(
            "HandSize",
            "string",
            "`handSize` is a small positive number that configures the shuffle sharding of requests into queues.  "
            "When enqueuing a request at this priority level the request's flow identifier (a string pair) is "
            "hashed and the hash value is used to shuffle the list of queues and deal a hand of the size specified "
            "here.  The request is put into one of the shortest queues in that hand. `handSize` must be no larger "
            "than `queues`, and should be significantly smaller (so that a few heavy flows do not saturate most of "
            "the queues).  See the user-facing documentation for more extensive guidance on setting this field.  "
            "This field has a default value of 8.",
        ),
        Column(
            "QueueLengthLimit",
            "string",
            "`queueLengthLimit` is the maximum number of requests allowed to be waiting in a given queue of this "
            "priority level at a time; excess requests are rejected.  This value must be positive.  If not "
            "specified, it will be defaulted to 50.",
        ),
        AGE,
    ),
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": (
        NAME,
        Column("Webhooks", "integer", "Webhooks indicates the number of webhooks registered in this configuration"),
        AGE,
    ),
    "validatingwebhookconfigurations.admissionregistration.k8s.io": (
        NAME,
        Column("Webhooks", "integer", "Webhooks indicates the number of webhooks registered in this configuration"),
        AGE,
    ),
    "mutatingadmissionpolicies.admissionregistration.k8s.io": (
        NAME,
        Column(
            "Mutations",
            "integer",
            "Mutation indicates the number of mutations rules defined in this configuration",
        ),
        Column("ParamKind", "string", "ParamKind specifies the kind of resources used to parameterize this policy"),
        AGE,
    ),
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": (
        NAME,
        Column("PolicyName", "string", "PolicyName indicates the policy definition which the policy binding binded to"),
        Column("ParamRef", "string", "ParamRef indicates the param resource which sets the configuration param"),
        AGE,
    ),
    "validatingadmissionpolicies.admissionregistration.k8s.io": (
        NAME,
        Column(
            "Validations",
            "integer",
            "Validations indicates the number of validation rules defined in this configuration",
        ),
        Column("ParamKind", "string", "ParamKind specifies the kind of resources used to parameterize this policy"),
        AGE,
    ),
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": (
        NAME,
        Column("PolicyName", "string", "PolicyName indicates the policy definition which the policy binding binded to"),
        Column("ParamRef", "string", "ParamRef indicates the param resource which sets the configuration param"),
        AGE,
    ),
}
