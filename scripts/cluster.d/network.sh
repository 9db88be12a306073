# shellcheck shell=bash
# The network of a cluster: one namespace for the control plane, one for each node, and the machine itself as a guest.
# Sourced by scripts/cluster. All addresses are of the blocks that are reserved for documentation (RFC 5737).
#
#   192.0.2.(32*N)/27     the nodes of cluster N: control plane .1, nodes .11 and on, the machine .30
#   203.0.113.0/27 …      the pods of each node, known inside of the namespaces only
#   203.0.113.128/25      services; nothing routes them

# Clusters that can be up on one machine at a time.
most_clusters=8

# network_names: sets the names and addresses of cluster `number`.
network_names() {
  name=sdbg$number
  local first=$((32 * number))
  prefix=192.0.2
  control_address=$prefix.$((first + 1))
  machine_address=$prefix.$((first + 30))
  first_node=$((first + 10))
}
node_address() { printf '%s.%d' "$prefix" $((first_node + $1)); }
pods_of_node() { printf '203.0.113.%d/27' $((($1 - 1) * 32)); }

# take_number: the first number that no cluster has, by making the namespace of its control plane.
take_number() {
  for ((number = 0; number < most_clusters; number++)); do
    network_names
    if ip netns add "$name-control" 2>/dev/null; then
      # Says whose it is.
      ip -n "$name-control" link set lo alias "$dir"
      echo "$number" >"$dir/number"
      return
    fi
  done
  die "there are $most_clusters clusters on this machine already" "\`ip netns\` lists them: scripts/cluster down DIR"
}

# has_number: sets the names, if the number in DIR is its own still. After a restart of the machine it may be another's.
has_number() {
  [ -e "$dir/number" ] || return 1
  number=$(cat "$dir/number")
  network_names
  ip -n "$name-control" link show lo 2>/dev/null | grep -qxF "    alias $dir"
}

# in_namespace NAME COMMAND...: not \`ip netns exec\`, which mounts /sys anew and so hides the control groups.
in_namespace() {
  local namespace=$1
  shift
  nsenter --net="/run/netns/$name-$namespace" "$@"
}

# let_through NAMESPACE: packets pass from one link to another.
let_through() { in_namespace "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'; }

make_network() {
  local control=$name-control i
  ip -n "$control" link set lo up
  ip -n "$control" link add nodes type bridge
  ip -n "$control" addr add "$control_address/27" dev nodes
  ip -n "$control" link set nodes up
  let_through control
  ip link add "$name" type veth peer name machine netns "$control"
  ip -n "$control" link set machine master nodes up
  ip addr add "$machine_address/27" dev "$name"
  ip link set "$name" up
  for ((i = 1; i <= nodes; i++)); do
    local node=$name-node$i
    ip netns add "$node"
    ip -n "$node" link set lo up
    ip link add eth0 netns "$node" type veth peer name "node$i" netns "$control"
    ip -n "$control" link set "node$i" master nodes up
    ip -n "$node" addr add "$(node_address "$i")/27" dev eth0
    ip -n "$node" link set eth0 up
    ip -n "$node" route add default via "$control_address"
    ip -n "$control" route add "$(pods_of_node "$i")" via "$(node_address "$i")"
    let_through "node$i"
  done
}

# remove_network: no process is in it any more, so that its links go with the namespaces.
remove_network() {
  local namespace
  if ip link show "$name" >/dev/null 2>&1; then ip link delete "$name"; fi
  for namespace in /run/netns/"$name"-node*; do
    # The control plane's is the last: it holds the number.
    if [ -e "$namespace" ]; then ip netns delete "${namespace##*/}"; fi
  done
}
give_number_back() { ip netns delete "$name-control"; }
