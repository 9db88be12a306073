# shellcheck shell=bash
# The nodes of a cluster: for each a containerd and a kubelet in namespaces of their own. Sourced by scripts/cluster.

# Where CNI plugins are: Debian's folder, and the one that the plugins' own archives name.
cni_folders=(/usr/lib/cni /opt/cni/bin)

# Folders of the machine below which kubelet, containerd and CNI use fixed paths, whatever they are told. Each node sees
# folders of its own there. Nothing is made in the machine's for that: to remove a folder, empty as it may be, takes away
# what another mount namespace has mounted on it.
covered_folders=(/var/lib /var/log /run)

# is_covered PATH: would the nodes not see it?
is_covered() {
  local folder
  for folder in "${covered_folders[@]}"; do
    case $1/ in "$folder"/*) return 0 ;; esac
  done
  return 1
}

cni_folder() {
  local folder
  for folder in "${cni_folders[@]}"; do
    if [ -x "$folder/bridge" ]; then
      echo "$folder"
      return
    fi
  done
  return 1
}

# make_pause_image: the sandbox of each pod is this program alone.
make_pause_image() {
  local work=$dir/pause layer
  mkdir -p "$work/rootfs"
  cc -static -O2 -s -o "$work/rootfs/pause" "$parts/pause.c" || die "cannot compile $parts/pause.c" "is libc6-dev there?"
  tar -C "$work/rootfs" -cf "$work/layer.tar" pause
  layer=$(sha256sum <"$work/layer.tar")
  cat >"$work/config.json" <<JSON
{"architecture": "$(GOTOOLCHAIN=local go env GOARCH)", "os": "linux", "config": {"Entrypoint": ["/pause"]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:${layer%% *}"]}}
JSON
  echo '[{"Config": "config.json", "RepoTags": ["scratchdbg.test/pause:1"], "Layers": ["layer.tar"]}]' >"$work/manifest.json"
  tar -C "$work" -cf "$work/image.tar" manifest.json config.json layer.tar
}

# start_node I: its mount namespace and its containerd, with the image of the sandboxes.
start_node() {
  local node=$dir/node$1 i=$1
  make_groups "node$i"
  write_cni_config "$i" >"$node/cni/10-pods.conflist"
  write_containerd_config "$i" >"$node/containerd.toml"
  write_kubelet_config "$i" >"$node/kubelet.yaml"
  # Holds the mount namespace, so that containerd and kubelet can be ended and started again in it.
  # shellcheck disable=SC2016 # $0 and $@ are the inner shell's
  start "mounts$i" "node$i" unshare --mount --propagation private bash -euc '
    for path in "$@"; do
      mkdir -p "$0/own$path"
      mount --bind "$0/own$path" "$path"
    done
    mkdir /var/lib/kubelet
    touch "$0/mounted"
    exec sleep infinity' "$node" "${covered_folders[@]}"
  wait_for "the mounts of node$i" 10 test -e "$node/mounted"
  start_in_node containerd "$i" containerd --config "$node/containerd.toml"
  wait_for "containerd of node$i" 30 \
    "$dir/bin/ctr" --address "$node/containerd.sock" --namespace k8s.io images import "$dir/pause/image.tar"
}

start_kubelet() {
  local node=$dir/node$1
  start_in_node kubelet "$1" kubelet --config "$node/kubelet.yaml" --kubeconfig "$node/kubeconfig" \
    --hostname-override "node$1" --node-ip "$(node_address "$1")" \
    --root-dir "$node/kubelet" --cert-dir "$node/kubelet-pki"
}

# start_in_node PROGRAM I COMMAND...: in the node's mount namespace.
start_in_node() {
  local program=$1 i=$2
  shift 2
  start "$program$i" "node$i" nsenter --mount="/proc/$(cat "$dir/run/mounts$i.pid")/ns/mnt" "$@"
}

write_cni_config() {
  cat <<JSON
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "pods", "isDefaultGateway": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$(pods_of_node "$1")"}]], "dataDir": "$dir/node$1/addresses"}}]}
JSON
}

write_containerd_config() {
  local node=$dir/node$1 port
  for port in 5000 5001; do
    mkdir -p "$node/registries/$control_address:$port"
    cat >"$node/registries/$control_address:$port/hosts.toml" <<TOML
server = "https://$control_address:$port"
ca = "$dir/pki/ca.crt"
TOML
  done
  cat <<TOML
version = 3
root = "$node/images"
state = "$node/state"
# What would use paths of the machine, and nothing here needs.
disabled_plugins = ["io.containerd.nri.v1.nri"]
[grpc]
  address = "$node/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$node/opt"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "scratchdbg.test/pause:1"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "$node/registries"
[plugins."io.containerd.cri.v1.runtime"]
  # Machines without the right to lower a process's OOM score, or without AppArmor, run pods too.
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["$(cni_folder)"]
    conf_dir = "$node/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "$dir/bin/runc"
TOML
}

write_kubelet_config() {
  local node=$dir/node$1
  cat <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $dir/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $dir/pki/node$1.crt
tlsPrivateKeyFile: $dir/pki/node$1.key
containerRuntimeEndpoint: unix://$node/containerd.sock
# Control groups of version 1 and swap are no reason not to start.
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
cgroupRoot: /$name/node$1
enforceNodeAllocatable: []
# The disk is the machine's own: how full it is must not decide what runs here, or which images stay.
evictionHard: {memory.available: 50Mi}
imageMinimumGCAge: 24h
# There is no name server. An address for one keeps a warning off every pod.
clusterDNS: [203.0.113.130]
resolvConf: ""
containerLogMaxSize: ${LOG_MAX_SIZE:-10Mi}
serializeImagePulls: false
volumePluginDir: $node/plugins
podLogsDir: $node/logs
YAML
}
