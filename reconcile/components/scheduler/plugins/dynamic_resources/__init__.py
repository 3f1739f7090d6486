"""
DynamicResources: a pod goes where the devices are that its ResourceClaims ask for, and has them allocated.

    claims       which claims a pod has, and what keeps it from being scheduled with them
    pools        the pools of devices that a node can use
    matching     whether a device is what a request asks for
    constraints  what devices of one claim must have in common, or must not
    capacities   what of a device several claims can share
    allocating   the search: devices for all requests of all claims, on one node
    results      what is found, as the claim's status says it
    extended     extended resources that a DeviceClass stands behind
    judging      the plugin's points: which nodes are refused, why, and what the others are worth

Source:   pkg/scheduler/framework/plugins/dynamicresources; k8s.io/dynamic-resource-allocation/structured, the allocator
          that the default feature gates choose (incubating).
Left out: see docs/limits.md, "Scheduler".
"""
