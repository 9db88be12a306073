//! Examples that follow the help of each command.

pub(super) const ATTACH: &str = "\
Examples:
  scratchdbg attach web                       Open a shell inside the container
  scratchdbg attach web -- netstat -tln       Run one command; its exit code becomes ours
  scratchdbg attach --explain dead            Print how a stopped container would be opened, and why
  scratchdbg attach --image shop/app:1        Look into an image that was never started";

pub(super) const BUILD: &str = "\
Examples:
  scratchdbg build ./app -t shop/app:1                    Load shop/app:1 and shop/app:1-debug
  scratchdbg build ./app -t ghcr.io/me/app:1 -o registry  Push the pair
  scratchdbg build -f Dockerfile . -t shop/app:1          Build from a Dockerfile";

pub(super) const LOGS: &str = "\
Examples:
  scratchdbg logs -f web                            Follow one container across restarts
  scratchdbg logs --since 10m --level warn web db   Merge two containers by time, warnings and worse
  scratchdbg logs --project shop --stats            Count the lines of a Compose project
  scratchdbg logs -f deploy/shop                    Follow all pods of a Kubernetes deployment";

pub(super) const WHY: &str = "\
Examples:
  scratchdbg why web                                Explain why a container died
  scratchdbg why deploy/shop                        Explain why its pods do not run
  scratchdbg why 137                                Explain an exit code
  scratchdbg why -m 'exec format error'             Explain an error message
  docker logs web 2>&1 | scratchdbg why -m -        Explain what a program printed";

pub(super) const CHECK: &str = "\
Examples:
  scratchdbg check ./app                            Check a binary
  scratchdbg check -f Dockerfile                    Check a Dockerfile
  scratchdbg check --format sarif shop/app:1        Check an image, for a code scanning service";

pub(super) const PS: &str = "\
Examples:
  scratchdbg ps -a                                  List all containers
  scratchdbg ps -a --filter status=exited           List those that have ended, with the reason
  scratchdbg ps --format '{{.Names}} {{.Verdict}}'  List names and verdicts
  scratchdbg ps -A                                  List the containers of all pods of a cluster";

pub(super) const PLUGIN: &str = "\
Examples:
  scratchdbg plugin install                         Make `docker scratchdbg` work
  scratchdbg plugin install --kubectl               Make `kubectl scratchdbg` work";

pub(super) const PAIR_VERIFY: &str = "\
Examples:
  scratchdbg pair verify shop/app:1 shop/app:1-debug
  scratchdbg pair verify registry:ghcr.io/me/app:1 registry:ghcr.io/me/app:1-debug";

pub(super) const KUBERNETES_ROLE: &str = "\
Examples:
  scratchdbg kubernetes role | kubectl apply -n shop -f -    Make the role in a namespace
  scratchdbg kubernetes role --for logs --for attach         Print a role for two commands";

pub(super) const SESSIONS_LS: &str = "\
Examples:
  scratchdbg sessions ls                            List the sessions in the engine
  scratchdbg sessions ls -n shop                    List those on the pods of a namespace";

pub(super) const SESSIONS_RM: &str = "\
Examples:
  scratchdbg sessions rm 3ed92071                   End one session
  scratchdbg sessions rm --all                      End all sessions";
