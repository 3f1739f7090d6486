"""Services and what else concerns the network."""

from __future__ import annotations

from typing import Final

from reconcile.model.printing.columns.column import AGE, NAME, Column

NETWORK: Final[dict[str, tuple[Column, ...]]] = {
    "services": (
        NAME,
        Column(
            "Type",
            "string",
            "type determines how the Service is exposed. Defaults to ClusterIP. Valid options are ExternalName, "
            'ClusterIP, NodePort, and LoadBalancer. "ClusterIP" allocates a cluster-internal IP address for '
            "load-balancing to endpoints. Endpoints are determined by the selector or if that is not specified, by "
            'manual construction of an Endpoints object or EndpointSlice objects. If clusterIP is "None", no '
            "virtual IP is allocated and the endpoints are published as a set of endpoints rather than a virtual "
            'IP. "NodePort" builds on ClusterIP and allocates a port on every node which routes to the same '
            'endpoints as the clusterIP. "LoadBalancer" builds on NodePort and creates an external load-balancer '
            "(if supported in the current cloud) which routes to the same endpoints as the clusterIP. "
            '"ExternalName" aliases this service to the specified externalName. Several other fields do not '
            "apply to ExternalName services. More info: "
            "https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types",
        ),
        Column(
            "Cluster-IP",
            "string",
            "clusterIP is the IP address of the service and is usually assigned randomly. If an address is "
            "specified manually, is in-range (as per system configuration), and is not in use, it will be "
            "allocated to the service; otherwise creation of the service will fail. This field may not be changed "
            "through updates unless the type field is also being changed to ExternalName (which requires this "
            "field to be blank) or the type field is being changed from ExternalName (in which case this field may "
            'optionally be specified, as describe above).  Valid values are "None", empty string (""), or a '
            'valid IP address. Setting this to "None" makes a "headless service" (no virtual IP), which is '
            "useful when direct endpoint connections are preferred and proxying is not required.  Only applies to "
            "types ClusterIP, NodePort, and LoadBalancer. If this field is specified when creating a Service of "
            "type ExternalName, creation will fail. This field will be wiped when updating a Service to type "
            "ExternalName. More info: "
            "https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies",
        ),
        Column(
            "External-IP",
            "string",
            "externalIPs is a list of IP addresses for which nodes in the cluster will also accept traffic for "
            "this service.  These IPs are not managed by Kubernetes.  The user is responsible for ensuring that "
            "traffic arrives at a node with this IP.  A common example is external load-balancers that are not "
            "part of the Kubernetes system.",
        ),
        Column(
            "Port(s)",
            "string",
            "The list of ports that are exposed by this service. More info: "
            "https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies",
        ),
        AGE,
        Column(
            "Selector",
            "string",
            "Route service traffic to pods with label keys and values matching this selector. If empty or not "
            "present, the service is assumed to have an external process managing its endpoints, which Kubernetes "
            "will not modify. Only applies to types ClusterIP, NodePort, and LoadBalancer. Ignored if type is "
            "ExternalName. More info: https://kubernetes.io/docs/concepts/services-networking/service/",
            priority=1,
        ),
    ),
    "endpoints": (
        NAME,
        Column(
            "Endpoints",
            "string",
            "The set of all endpoints is the union of all subsets. Addresses are placed into subsets according to "
            "the IPs they share. A single address with multiple ports, some of which are ready and some of which "
            "are not (because they come from different containers) will result in the address being displayed in "
            "different subsets for the different ports. No address will appear in both Addresses and "
            "NotReadyAddresses in the same subset. Sets of addresses and ports that comprise a service.",
        ),
        AGE,
    ),
    "endpointslices.discovery.k8s.io": (
        NAME,
        Column(
            "AddressType",
            "string",
            "addressType specifies the type of address carried by this EndpointSlice. All addresses in this slice "
            "must be the same type. This field is immutable after creation. The following address types are "
            "currently supported: * IPv4: Represents an IPv4 Address. * IPv6: Represents an IPv6 Address. * FQDN: "
            "Represents a Fully Qualified Domain Name. (Deprecated) The EndpointSlice controller only generates, "
            'and kube-proxy only processes, slices of addressType "IPv4" and "IPv6". No semantics are defined '
            'for the "FQDN" type.',
        ),
        Column(
            "Ports",
            "string",
            "ports specifies the list of network ports exposed by each endpoint in this slice. Each port must have "
            "a unique name. Each slice may include a maximum of 100 ports. Services always have at least 1 port, "
            "so EndpointSlices generated by the EndpointSlice controller will likewise always have at least 1 "
            "port. EndpointSlices used for other purposes may have an empty ports list.",
        ),
        Column(
            "Endpoints",
            "string",
            "endpoints is a list of unique endpoints in this slice. Each slice may include a maximum of 1000 "
            "endpoints.",
        ),
        AGE,
    ),
    "ingresses.networking.k8s.io": (
        NAME,
        Column(
            "Class",
            "string",
            "The name of the IngressClass resource that should be used for additional configuration",
        ),
        Column("Hosts", "string", "Hosts that incoming requests are matched against before the ingress rule"),
        Column("Address", "string", "Address is a list containing ingress points for the load-balancer"),
        Column("Ports", "string", "Ports of TLS configurations that open"),
        AGE,
    ),
    "ingressclasses.networking.k8s.io": (
        NAME,
        Column("Controller", "string", "Controller that is responsible for handling this class"),
        Column("Parameters", "string", "A reference to a resource with additional parameters"),
        AGE,
    ),
    "networkpolicies.networking.k8s.io": (
        NAME,
        Column(
            "Pod-Selector",
            "string",
            "podSelector selects the pods to which this NetworkPolicy object applies. The array of rules is "
            "applied to any pods selected by this field. An empty selector matches all pods in the policy's "
            "namespace. Multiple network policies can select the same set of pods. In this case, the ingress rules "
            "for each are combined additively. This field is optional. If it is not specified, it defaults to an "
            "empty selector.",
        ),
        AGE,
    ),
    "ipaddresses.networking.k8s.io": (
        NAME,
        Column(
            "ParentRef",
            "string",
            "ParentRef references the resource that an IPAddress is attached to. An IPAddress must reference a "
            "parent object.",
        ),
    ),
    "servicecidrs.networking.k8s.io": (
        NAME,
        Column(
            "CIDRs",
            "string",
            'CIDRs defines the IP blocks in CIDR notation (e.g. "192.168.0.0/24" or "2001:db8::/64") from '
            "which to assign service cluster IPs. Max of two CIDRs is allowed, one of each IP family. This field "
            "is immutable.",
        ),
        AGE,
    ),
}
