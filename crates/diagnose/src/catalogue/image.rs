//! Codes of images that start and lack something.

use super::Entry;
use crate::code::Code;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::VolumeHidesProgram,
        shows: "After an update, the old program: `docker compose up` keeps the volume with the old files; other engines mount an empty one.",
        fix: "Keep the program outside of its volumes.",
        reproduce: "printf 'FROM scratch\\nCOPY app /srv/app\\nVOLUME /srv\\nENTRYPOINT [\"/srv/app\"]\\n' > Dockerfile && scratchdbg check Dockerfile",
    },
    Entry {
        code: Code::UserNotNumeric,
        shows: "Kubernetes: `container has runAsNonRoot and image has non-numeric user (nonroot), cannot verify user is non-root`.",
        fix: "Numbers: `USER 65532:65532`.",
        reproduce: "scratchdbg why --message 'image has non-numeric user (nonroot), cannot verify user is non-root'",
    },
    Entry {
        code: Code::RunsAsRoot,
        shows: "Kubernetes: `container has runAsNonRoot and image will run as root`.",
        fix: "`USER 65532:65532`, which is what `scratchdbg build` sets.",
        reproduce: "scratchdbg build ./app -u 0:0 -t root:1 && scratchdbg check root:1",
    },
    Entry {
        code: Code::HealthcheckNeedsShell,
        shows: "Unhealthy for ever; the probe's output is `exec: \"/bin/sh\": stat /bin/sh: no such file or directory`.",
        fix: "Exec form, and a program that is in the image: `HEALTHCHECK CMD [\"/app\", \"--healthcheck\"]`.",
        reproduce: "docker run -d --name web --health-cmd 'true' --health-interval 1s IMAGE; sleep 5; scratchdbg why web",
    },
    Entry {
        code: Code::HealthcheckMissingProgram,
        shows: "Unhealthy for ever; `exec: \"curl\": executable file not found in $PATH`.",
        fix: "Let the program probe itself, or add a static probe.",
        reproduce: "printf 'FROM scratch\\nCOPY app /app\\nHEALTHCHECK CMD [\"curl\", \"localhost\"]\\nENTRYPOINT [\"/app\"]\\n' > Dockerfile && scratchdbg check Dockerfile",
    },
    Entry {
        code: Code::ShellMissing,
        shows: "`exec: \"sh\": executable file not found in $PATH` from `docker exec -it web sh`.",
        fix: "`scratchdbg attach web` brings a shell and leaves the container as it is.",
        reproduce: "docker exec web sh",
    },
    Entry {
        code: Code::ProgramMissing,
        shows: "`exec: \"tar\": executable file not found in $PATH` from `kubectl cp`; `fork/exec /usr/bin/git: no such file or directory` in a log.",
        fix: "Add the program, do without it, or bring it along: `scratchdbg attach`. `docker cp` needs nothing in the container.",
        reproduce: "docker exec web tar",
    },
    Entry {
        code: Code::CaCertificatesMissing,
        shows: "`x509: certificate signed by unknown authority`, `unable to get local issuer certificate`, `UnknownIssuer`.",
        fix: "A bundle at `/etc/ssl/certs/ca-certificates.crt`: `scratchdbg build --with certs`.",
        reproduce: "docker run --rm -e SSL_CERT_FILE=/none IMAGE",
    },
    Entry {
        code: Code::TimezoneMissing,
        shows: "`unknown time zone Europe/Berlin`; C programs fall back to UTC without a word.",
        fix: "`scratchdbg build --with tz`; for Go also `import _ \"time/tzdata\"`.",
        reproduce: "scratchdbg build ./app -e TZ=Europe/Berlin --with none -t tz:1",
    },
    Entry {
        code: Code::TmpMissing,
        shows: "`open /tmp/multipart-123: no such file or directory`, often only with large uploads.",
        fix: "`scratchdbg build --with tmp`, or `--tmpfs /tmp`.",
        reproduce: "scratchdbg why --message 'open /tmp/x: no such file or directory'",
    },
    Entry {
        code: Code::TmpMode,
        shows: "`mkdir /tmp/x: permission denied`.",
        fix: "Mode 1777.",
        reproduce: "mkdir -p t/tmp && chmod 755 t/tmp && scratchdbg build ./app --add t/tmp:/tmp -t tmp:1",
    },
    Entry {
        code: Code::PasswdMissing,
        shows: "`user: unknown userid 65532`, `user: Current requires cgo or $USER set in environment`.",
        fix: "`scratchdbg build --with passwd`, and `HOME` and `USER` in the environment.",
        reproduce: "scratchdbg why --message 'user: unknown userid 65532'",
    },
    Entry {
        code: Code::NsswitchMissing,
        shows: "`localhost` or names of `/etc/hosts` are asked of DNS: Go before 1.16, and glibc.",
        fix: "`/etc/nsswitch.conf` with `hosts: files dns`: `scratchdbg build --with nsswitch`.",
        reproduce: "scratchdbg check IMAGE   # of a program linked against glibc",
    },
    Entry {
        code: Code::ServicesMissing,
        shows: "`Servname not supported for ai_socktype`, `no such protocol name: tcp`.",
        fix: "Port numbers instead of names, or `scratchdbg build --with services`.",
        reproduce: "scratchdbg why --message 'Servname not supported for ai_socktype'",
    },
    Entry {
        code: Code::StaticGlibcNss,
        shows: "Resolving names fails or crashes; the linker had warned `Using 'getaddrinfo' in statically linked applications`.",
        fix: "Link against musl; for Go `CGO_ENABLED=0` or `-tags netgo,osusergo`.",
        reproduce: "echo '#include <netdb.h>\nint main(){return !gethostbyname(\"localhost\");}' | cc -static -x c - -o app && scratchdbg check ./app",
    },
    Entry {
        code: Code::DuplicatePath,
        shows: "`Error processing tar file(duplicates of file paths not supported)` when the image is loaded.",
        fix: "Build the layer again with each path once.",
        reproduce: "scratchdbg why --message 'duplicates of file paths not supported'",
    },
    Entry {
        code: Code::SecretInImage,
        shows: "Nothing shows, until somebody reads the image.",
        fix: "Mount secrets at run time. One that was published must be replaced.",
        reproduce: "scratchdbg build ./app -e DB_PASSWORD=hunter2 -t secret:1",
    },
    Entry {
        code: Code::SetuidFile,
        shows: "Nothing shows; a process of an unprivileged user can become its owner.",
        fix: "`chmod u-s`, and `--security-opt no-new-privileges`.",
        reproduce: "cp ./app s && chmod 4755 s && scratchdbg build ./app --add s:/s -t suid:1 && scratchdbg check suid:1",
    },
    Entry {
        code: Code::MaintainerDeprecated,
        shows: "Nothing shows: `docker inspect` has the name under `Author`, where few look.",
        fix: "`LABEL org.opencontainers.image.authors=\"…\"`.",
        reproduce: "printf 'FROM scratch\\nMAINTAINER me\\nCOPY app /app\\nENTRYPOINT [\"/app\"]\\n' > Dockerfile && scratchdbg check Dockerfile",
    },
    Entry {
        code: Code::OnbuildTrigger,
        shows: "Nothing shows: the instruction does not run in this build, but in those that begin `FROM` its image.",
        fix: "The instruction itself, without `ONBUILD`, unless others are to build upon the image.",
        reproduce: "printf 'FROM scratch\\nCOPY app /app\\nONBUILD COPY conf /conf\\nENTRYPOINT [\"/app\"]\\n' > Dockerfile && scratchdbg check Dockerfile",
    },
    Entry {
        code: Code::ManifestInvalid,
        shows: "`error converting YAML to JSON`; `cannot unmarshal number into Go struct field Container.args of type string`.",
        fix: "Correct the line; quote numbers and booleans in `args`, `command` and `env`.",
        reproduce: "printf 'kind: Pod\\nspec: {containers: [{name: a, image: b, args: [1]}]}\\n' > pod.yaml; scratchdbg check pod.yaml",
    },
    Entry {
        code: Code::HookNeedsShell,
        shows: "Events `FailedPostStartHook` and `FailedPreStopHook`: `exec: \"sh\": executable file not found in $PATH`.",
        fix: "`httpGet`, `sleep`, or a program that is in the image.",
        reproduce: "scratchdbg check pod.yaml   # a pod without a shell, with lifecycle: {preStop: {exec: {command: [sh, -c, …]}}}",
    },
    Entry {
        code: Code::PortNameUnknown,
        shows: "The probe fails for ever: `couldn't find port`, or a parse error with the port's name.",
        fix: "Name the port under `ports`, or write its number.",
        reproduce: "scratchdbg check pod.yaml   # a pod with livenessProbe: {httpGet: {port: nothere}}",
    },
    Entry {
        code: Code::FsGroupMissing,
        shows: "`permission denied` when the program writes to a volume of a claim.",
        fix: "`fsGroup` under the pod's `securityContext`.",
        reproduce: "scratchdbg check pod.yaml   # a pod with runAsUser: 65532 and a persistentVolumeClaim",
    },
];
