//! Examples, which follow the help of each command and end its manual page.

/// Examples of `attach`.
pub const ATTACH: &str = "\
Examples:
  scratchdbg attach web                       Open a shell inside the container
  scratchdbg attach web -- netstat -tln       Run one command; its exit code becomes ours
  scratchdbg attach web --with-tools ./curl   Bring a static program along
  scratchdbg attach --explain dead            Print how a stopped container would be opened, and why
  scratchdbg attach --image shop/app:1        Look into an image that was never started";

/// Examples of `cp`.
pub const CP: &str = "\
Examples:
  scratchdbg cp web:/etc/app.conf .                 Copy a file out of a container
  scratchdbg cp ./fixtures/. web:/data              Copy what is in a folder into a container
  scratchdbg cp pod/web:/var/log - | tar -t         Write a folder of a pod as a tar stream
  scratchdbg cp --root web:/etc/ssl/private .       Copy what only root may read";

/// Examples of `forward`.
pub const FORWARD: &str = "\
Examples:
  scratchdbg forward 8080:80 web                    Reach port 80 of a container at localhost:8080
  scratchdbg forward 5432:unix:/run/pg/.s db        Reach a Unix socket
  scratchdbg forward 0:9090 6060 pod/web            Reach two ports of a pod, one by any free port";

/// Examples of `build`.
pub const BUILD: &str = "\
Examples:
  scratchdbg build ./app -t shop/app:1                    Load shop/app:1 and shop/app:1-debug
  scratchdbg build ./app -t ghcr.io/me/app:1 -o registry  Push the pair
  scratchdbg build -f Dockerfile . -t shop/app:1          Build from a Dockerfile";

/// Examples of `logs`.
pub const LOGS: &str = "\
Examples:
  scratchdbg logs -f web                            Follow one container across restarts
  scratchdbg logs --since 10m --level warn web db   Merge two containers by time, warnings and worse
  scratchdbg logs --project shop --stats            Count the lines of a Compose project
  scratchdbg logs -f deploy/shop                    Follow all pods of a Kubernetes deployment";

/// Examples of `why`.
pub const WHY: &str = "\
Examples:
  scratchdbg why web                                Explain why a container died
  scratchdbg why web --report incident.html         Write what happened as a page, to hand on
  scratchdbg why deploy/shop                        Explain why its pods do not run
  scratchdbg why 137                                Explain an exit code
  scratchdbg why -m 'exec format error'             Explain an error message
  docker logs web 2>&1 | scratchdbg why -m -        Explain what a program printed";

/// Examples of `check`.
pub const CHECK: &str = "\
Examples:
  scratchdbg check ./app                            Check a binary
  scratchdbg check -f Dockerfile                    Check a Dockerfile
  scratchdbg check web.yaml                         Check a Kubernetes manifest and its images
  scratchdbg check --format sarif shop/app:1        Check an image, for a code scanning service";

/// Examples of `ps`.
pub const PS: &str = "\
Examples:
  scratchdbg ps -a                                  List all containers
  scratchdbg ps -a --filter status=exited           List those that have ended, with the reason
  scratchdbg ps --format '{{.Names}} {{.Verdict}}'  List names and verdicts
  scratchdbg ps -A                                  List the containers of all pods of a cluster";

/// Examples of `plugin`.
pub const PLUGIN: &str = "\
Examples:
  scratchdbg plugin install                         Make `docker scratchdbg` work
  scratchdbg plugin install --kubectl               Make `kubectl scratchdbg` work";

/// Examples of `toolkit build`.
pub const TOOLKIT_BUILD: &str = "\
Examples:
  scratchdbg toolkit build ./curl -t my/tools:1           Then: attach web --toolkit my/tools:1
  scratchdbg toolkit build ./bin -t r.example/t:1 --push  Push it for the nodes of a cluster";

/// Examples of `pair verify`.
pub const PAIR_VERIFY: &str = "\
Examples:
  scratchdbg pair verify shop/app:1 shop/app:1-debug
  scratchdbg pair verify registry:ghcr.io/me/app:1 registry:ghcr.io/me/app:1-debug";

/// Examples of `kubernetes role`.
pub const KUBERNETES_ROLE: &str = "\
Examples:
  scratchdbg kubernetes role | kubectl apply -n shop -f -    Make the role in a namespace
  scratchdbg kubernetes role --for logs --for attach         Print a role for two commands";

/// Examples of `sessions ls`.
pub const SESSIONS_LS: &str = "\
Examples:
  scratchdbg sessions ls                            List the sessions in the engine
  scratchdbg sessions ls -n shop                    List those on the pods of a namespace";

/// Examples of `sessions rm`.
pub const SESSIONS_RM: &str = "\
Examples:
  scratchdbg sessions rm 3ed92071                   End one session
  scratchdbg sessions rm --all                      End all sessions";

/// Examples of `man`.
pub const MAN: &str = "\
Examples:
  scratchdbg man attach | man -l -                  Read the page of a command
  scratchdbg man --output ~/.local/share/man/man1   Install the pages";

/// Examples of `completion install`.
pub const COMPLETION_INSTALL: &str = "\
Examples:
  scratchdbg completion install                     Complete names in new shells of yours
  scratchdbg completion install zsh                 The same for zsh; tells the line for ~/.zshrc";

/// Examples of `config`.
pub const CONFIG: &str = "\
Example of the file, scratchdbg/config.toml in XDG_CONFIG_HOME or ~/.config:
  color = \"never\"
  time-zone = \"Europe/Berlin\"
  toolkit = \"/opt/busybox\"                      # attach --toolkit, in containers of an engine
  user = \"0\"                                    # attach --user
  [kubernetes]
  toolkit = \"registry.example/toolkit:1\"        # in pods whose images have no debug twin
  [toolkits]
  curl = \"/opt/static/curl\"                     # attach --with-tools curl
  net = \"registry.example/net:1\"                # attach --toolkit net, or --with-tools net,curl";
