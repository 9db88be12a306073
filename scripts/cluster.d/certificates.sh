# shellcheck shell=bash
# The certificates of a cluster, from one authority of its own, and the kubeconfigs. Sourced by scripts/cluster.

elliptic=(-newkey ec -pkeyopt "ec_paramgen_curve:P-256" -nodes)

make_authority() {
  ssl req -x509 "${elliptic[@]}" -keyout ca.key -out ca.crt -days 30 -subj "/CN=scratchdbg test cluster"
  # What service accounts' tokens are signed with.
  ssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out tokens.key
  ssl pkey -in tokens.key -pubout -out tokens.pub
}

ssl() {
  openssl "$@" >>"$dir/log/openssl.log" 2>&1 || die "openssl $1 failed" "its words: $dir/log/openssl.log"
}

# certificate NAME SUBJECT [EXTENSION...]: NAME.crt and NAME.key. For a client, where no extension is given.
certificate() {
  local file=$1 subject=$2 extension extensions=()
  shift 2
  [ $# -gt 0 ] || set -- extendedKeyUsage=clientAuth
  for extension in "$@" basicConstraints=critical,CA:FALSE; do extensions+=(-addext "$extension"); done
  ssl req -x509 -CA ca.crt -CAkey ca.key "${elliptic[@]}" -keyout "$file.key" -out "$file.crt" -days 30 \
    -subj "$subject" "${extensions[@]}"
}

# kubeconfig NAME FILE: for the client with that certificate.
kubeconfig() {
  cat >"$2" <<YAML
apiVersion: v1
kind: Config
current-context: scratchdbg-test
contexts:
- name: scratchdbg-test
  context: {cluster: scratchdbg-test, user: $1}
clusters:
- name: scratchdbg-test
  cluster:
    server: https://$control_address:6443
    certificate-authority-data: $(base64 -w0 ca.crt)
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 "$1.crt")
    client-key-data: $(base64 -w0 "$1.key")
YAML
  chmod 600 "$2"
}

make_certificates() {
  local i addresses names
  cd "$dir/pki"
  make_authority
  names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
  addresses=IP:127.0.0.1,IP:$control_address,IP:203.0.113.129
  certificate apiserver /CN=kube-apiserver extendedKeyUsage=serverAuth "subjectAltName=$names,$addresses"
  certificate registry /CN=registry extendedKeyUsage=serverAuth "subjectAltName=IP:$control_address"
  certificate apiserver-to-kubelet /O=system:masters/CN=kube-apiserver-kubelet-client
  certificate admin /O=system:masters/CN=admin
  # Somebody who may nothing until a test gives them a role.
  certificate restricted /CN=restricted
  certificate controller-manager /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  for ((i = 1; i <= nodes; i++)); do
    certificate "node$i" "/O=system:nodes/CN=system:node:node$i" \
      extendedKeyUsage=clientAuth,serverAuth "subjectAltName=DNS:node$i,IP:$(node_address "$i")"
    kubeconfig "node$i" "$dir/node$i/kubeconfig"
  done
  kubeconfig controller-manager "$dir/control/controller-manager.kubeconfig"
  kubeconfig scheduler "$dir/control/scheduler.kubeconfig"
  kubeconfig restricted "$dir/restricted.kubeconfig"
  kubeconfig admin "$dir/admin.kubeconfig"
}
