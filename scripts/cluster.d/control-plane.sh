# shellcheck shell=bash
# The control plane of a cluster: etcd, API server, controllers, scheduler, and two registries. Sourced by scripts/cluster.

# What pods of a test that needs a password pull with: the same as in crates/testkit/src/registry.rs, here as bcrypt.
registry_users='user:$2b$05$pt4xUuY5y99ecEbWpMxFpO4nzO./vMnM0658VgXAgALj2vHIhxSa6'

start_control_plane() {
  # Nothing of it has to outlive a crash of the machine.
  start etcd control etcd --data-dir "$dir/control/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
  start apiserver control kube-apiserver --etcd-servers http://127.0.0.1:2379 --secure-port 6443 \
    --advertise-address "$control_address" --cert-dir "$dir/control/apiserver" \
    --tls-cert-file apiserver.crt --tls-private-key-file apiserver.key --client-ca-file ca.crt \
    --service-cluster-ip-range 203.0.113.128/25 --allow-privileged \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --service-account-issuer https://kubernetes.default \
    --service-account-key-file tokens.pub --service-account-signing-key-file tokens.key \
    --kubelet-client-certificate apiserver-to-kubelet.crt --kubelet-client-key apiserver-to-kubelet.key \
    --kubelet-certificate-authority ca.crt --kubelet-preferred-address-types InternalIP
  # A node that says nothing for 20 s is not ready: half of what clusters have by default, so that tests wait less.
  start controller-manager control kube-controller-manager --leader-elect=false \
    --kubeconfig "$dir/control/controller-manager.kubeconfig" --cert-dir "$dir/control/controller-manager" \
    --service-account-private-key-file tokens.key --root-ca-file ca.crt --use-service-account-credentials \
    --authentication-skip-lookup --node-monitor-grace-period 20s
  start scheduler control kube-scheduler --leader-elect=false --kubeconfig "$dir/control/scheduler.kubeconfig" \
    --cert-dir "$dir/control/scheduler" --authentication-skip-lookup
}

# start_registries: one that anybody may use, and one with a password. They share what they have.
start_registries() {
  local port text
  printf '%s\n' "$registry_users" >"$dir/registry/users"
  for port in 5000 5001; do
    text=$(registry_config "$port")
    [ "$port" = 5000 ] || text+=$'\nauth: {htpasswd: {realm: test, path: '"$dir/registry/users}}"
    printf '%s\n' "$text" >"$dir/registry/$port.yaml"
    start "registry-$port" control docker-registry serve "$dir/registry/$port.yaml"
  done
}
registry_config() {
  cat <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $dir/registry/storage}
  delete: {enabled: true}
http:
  addr: $control_address:$1
  secret: test
  tls: {certificate: $dir/pki/registry.crt, key: $dir/pki/registry.key}
YAML
}
