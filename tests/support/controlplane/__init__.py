"""A real control plane on a bare machine: etcd, API server, controller manager, scheduler and simulated nodes.

Built from tests/cluster/controlplane/go.mod, cached outside the checkout, started on loopback with TLS and RBAC.
It never looks at an ambient kubeconfig.
"""
