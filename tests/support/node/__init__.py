"""A real node on a bare Linux machine, as root: one box of namespaces with the control plane, containerd and a kubelet.

Outside of the box stay one pair of virtual interfaces and an empty cgroup in each hierarchy; one kill ends all of it.
"""
