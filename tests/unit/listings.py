"""Tables of containers as their tools print them."""

from __future__ import annotations

from halftrack.owners import sent

DOCKER_PS = (
    "CONTAINER ID   IMAGE     COMMAND   CREATED       STATUS       PORTS                                   NAMES\n"
    '3f2a91c0d7e4   nginx     "/x"      2 hours ago   Up 2 hours   0.0.0.0:8080->80/tcp, :::8080->80/tcp   web\n'
    'aaaaaaaaaaaa   redis     "/x"      2 hours ago   Up 2 hours                                           quiet\n'
)
PODMAN_PODS = (
    "CONTAINER ID  IMAGE                         COMMAND     CREATED        STATUS        PORTS                 NAMES               POD ID        PODNAME\n"
    "1c88d2a4f0aa  localhost/podman-pause:5.4.2              5 minutes ago  Up 5 minutes  0.0.0.0:8081->80/tcp  9d2a1f0c77aa-infra  9d2a1f0c77aa  shopfront\n"
    "2c88d2a4f0ab  docker.io/library/nginx:1     nginx -g d  5 minutes ago  Up 5 minutes  0.0.0.0:8081->80/tcp  shop-web            9d2a1f0c77aa  shopfront\n"
)
NERDCTL_PS = (
    "CONTAINER ID    IMAGE                             COMMAND                   CREATED           STATUS    PORTS                   NAMES\n"
    'b7a1c2d3e4f5    docker.io/library/nginx:alpine    "/docker-entrypoint.…"    26 seconds ago    Up        0.0.0.0:8082->80/tcp    front\n'
)
INCUS_LIST = """\
+----------------+---------+------------------------+-----------------------------------------------+-----------+-----------+
|      NAME      |  STATE  |          IPV4          |                     IPV6                      |   TYPE    | SNAPSHOTS |
+----------------+---------+------------------------+-----------------------------------------------+-----------+-----------+
| build-cache    | STOPPED |                        |                                               | CONTAINER | 0         |
+----------------+---------+------------------------+-----------------------------------------------+-----------+-----------+
| docker-alfa    | RUNNING | 172.17.0.1 (docker0)   | fd42:1:2:3:216:3eff:fe00:1 (eth0)             | CONTAINER | 0         |
|                |         | 10.81.226.238 (eth0)   |                                               |           |           |
+----------------+---------+------------------------+-----------------------------------------------+-----------+-----------+
| docker-bravo   | RUNNING | 172.17.0.1 (docker0)   |                                               | CONTAINER | 2         |
|                |         | 10.81.226.173 (eth0)   |                                               |           |           |
+----------------+---------+------------------------+-----------------------------------------------+-----------+-----------+
| vm             | RUNNING | 10.81.226.23 (enp5s0)  |                                               | VIRTUAL-MACHINE | 0   |
+----------------+---------+------------------------+-----------------------------------------------+-----------+-----------+
"""
INCUS_PROJECTS = """\
+---------+------+---------+--------------------+------+-----------+-----------+
| PROJECT | NAME |  STATE  |        IPV4        | IPV6 |   TYPE    | SNAPSHOTS |
+---------+------+---------+--------------------+------+-----------+-----------+
| default | web  | RUNNING | 10.9.0.5 (eth0)    |      | CONTAINER | 0         |
+---------+------+---------+--------------------+------+-----------+-----------+
| shop    | web  | RUNNING | 10.9.0.6 (eth0)    |      | CONTAINER | 0         |
+---------+------+---------+--------------------+------+-----------+-----------+
"""
INCUS_COMPACT = """\
         NAME          STATE           IPV4
  sched-control       RUNNING  10.107.111.10 (eth0)
                               10.107.112.10 (eth1)
  sched-login         RUNNING  10.107.111.11 (eth0)
  idle                STOPPED
"""
LXC_LS = """\
NAME         STATE   AUTOSTART GROUPS IPV4                 IPV6        UNPRIVILEGED
mail         STOPPED 0         -      -                    -           false
dhcp-1       RUNNING 1         a, b   10.0.0.2, 172.16.0.2 2001:db8::2 false
web-1        RUNNING 1         -      10.0.128.104         -           true
"""
PODS = """\
NAMESPACE     NAME                         READY   STATUS      RESTARTS        AGE     IP             NODE                    NOMINATED NODE   READINESS GATES
kube-system   kube-proxy-n1                1/1     Running     1 (5h2m ago)    6h54m   192.168.0.87   node.eu.cloud.example   <none>           <none>
kube-system   kube-flannel-n1              1/1     Running     0               6h54m   192.168.0.87   node.eu.cloud.example   <none>           <none>
shop          web-774b84ff8c-gwndr         0/1     Completed   0               9s      10.244.1.5     node.eu.cloud.example   <none>           <none>
shop          web-64987c6d69-bdkdv         1/1     Running     0               1s      10.244.1.5     node.eu.cloud.example   <none>           <none>
shop          web-64987c6d69-zdr6p         1/1     Running     0               1s      10.244.3.6     other.eu.cloud.example  <none>           <none>
shop          waiting                      0/1     Pending     0               1s      <none>         <none>                  <none>           <none>
"""
PODS_OF_ONE = """\
NAME                    READY   STATUS    RESTARTS   AGE   IP           NODE       NOMINATED NODE   READINESS GATES
web-64987c6d69-bdkdv    1/1     Running   0          11s   10.244.2.33  k8snode2   <none>           <none>
"""
SANDBOXES = """\
POD ID              CREATED             STATE               NAME                        NAMESPACE           ATTEMPT             RUNTIME
9a304a19557f7       2 hours ago         Ready               web-64987c6d69-bdkdv        shop                0                   (default)
8a304a19557f7       2 hours ago         NotReady            web-774b84ff8c-gwndr        shop                0                   (default)
"""
TABLES = {
    "docker_ps": (sent.DOCKER_PS, DOCKER_PS),
    "podman_ps_--pod": (sent.PODMAN_PS, PODMAN_PODS),
    "nerdctl_ps": (sent.NERDCTL_PS, NERDCTL_PS),
    "incus_list": (sent.INCUS_LIST, INCUS_LIST),
    "incus_list_--all-projects": (sent.INCUS_LIST, INCUS_PROJECTS),
    "incus_list_-f_compact": (sent.INCUS_LIST, INCUS_COMPACT),
    "lxc_list": (sent.LXD_LIST, INCUS_LIST),
    "lxc-ls_-f": (sent.LXC_LS, LXC_LS),
    "kubectl_get_pods_-A_-o_wide": (sent.PODS, PODS),
    "kubectl_get_pods_-o_wide": (sent.PODS, PODS_OF_ONE),
    "crictl_pods": (sent.SANDBOXES, SANDBOXES),
}
"""By the name of the file that sos would keep it in: the kind, and the text."""
