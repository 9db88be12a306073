//! The codes: stable names of everything that can be found.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// What was found, as a stable kebab-case name. Names are added, never changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All codes, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Returns the meaning as a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+
                }
            }
        }
    };
}

codes! {
    /// The program is dynamically linked and its loader (`PT_INTERP`) is not in the image.
    LoaderMissing = "loader-missing",
    /// A shared library that the program needs is not in the image.
    LibraryMissing = "library-missing",
    /// A shared library is in the image, but in a version older than the program was linked
    /// against.
    LibraryTooOld = "library-too-old",
    /// The program is a script and the interpreter of its `#!` line is not in the image.
    InterpreterMissing = "interpreter-missing",
    /// The `#!` line ends in a carriage return, which the kernel takes as part of the interpreter's
    /// name.
    CrlfShebang = "crlf-shebang",
    /// The program is built for another architecture or operating system than the image or host.
    WrongArchitecture = "wrong-architecture",
    /// The file is nothing that a Linux kernel can execute.
    NotAnExecutable = "not-an-executable",
    /// The program's file ends before its last segment does: a copy was cut short.
    TruncatedBinary = "truncated-binary",
    /// The program needs a newer processor than the baseline of its architecture.
    CpuLevel = "cpu-level",
    /// The file that the image or command names as its program is not there.
    EntrypointMissing = "entrypoint-missing",
    /// The program is named without a slash and is in none of the directories of `PATH`.
    EntrypointNotAbsolute = "entrypoint-not-absolute",
    /// A whole command line is written as one element of the entrypoint or the health check.
    EntrypointOneString = "entrypoint-one-string",
    /// A line of a Dockerfile is no instruction, or one that cannot be read as it is written:
    /// nothing is built.
    DockerfileInvalid = "dockerfile-invalid",
    /// A file that `COPY` or `ADD` names is not in the build context, or `.dockerignore` leaves it
    /// out.
    CopySourceMissing = "copy-source-missing",
    /// The array of an instruction in exec form is no JSON.
    ExecFormInvalid = "exec-form-invalid",
    /// A command in exec form has words that only a shell understands.
    ExecFormShellSyntax = "exec-form-shell-syntax",
    /// A shell is given the command as its own parameters, and the program never sees it.
    CommandIgnored = "command-ignored",
    /// Another instruction in the same stage takes the place of this one.
    InstructionOverridden = "instruction-overridden",
    /// Entrypoint or command are in shell form, and the image has no shell.
    ShellForm = "shell-form",
    /// The image has neither entrypoint nor command.
    NoCommand = "no-command",
    /// The program's file has no execute permission for the user that runs it, or is no regular
    /// file.
    NotExecutableMode = "not-executable-mode",
    /// A mount hides what the image has, such as the program itself.
    HiddenByMount = "hidden-by-mount",
    /// The program lies on a mount from which nothing is executed (`noexec`).
    MountNoexec = "mount-noexec",
    /// A directory above the program cannot be searched by the user that runs it.
    ParentNotSearchable = "parent-not-searchable",
    /// One argument or environment variable is longer than the kernel takes.
    ArgumentTooLong = "argument-too-long",
    /// An environment entry has no name.
    EnvironmentInvalid = "environment-invalid",
    /// The program has file capabilities that the container's bounding set does not hold, or the
    /// kernel refuses it.
    ExecNotPermitted = "exec-not-permitted",
    /// The user or group is named, and the image has no passwd or group file that knows the name.
    UserUnknown = "user-unknown",
    /// The user is a name: Kubernetes cannot verify that it is not root.
    UserNotNumeric = "user-not-numeric",
    /// The program runs as root.
    RunsAsRoot = "runs-as-root",
    /// The health check is in shell form, and the image has no shell.
    HealthcheckNeedsShell = "healthcheck-needs-shell",
    /// The program that the health check calls is not in the image.
    HealthcheckMissingProgram = "healthcheck-missing-program",
    /// A shell was asked for in a container that has none.
    ShellMissing = "shell-missing",
    /// A program that is called at run time is not in the image.
    ProgramMissing = "program-missing",
    /// The program looks for CA certificates, and the image has none.
    CaCertificatesMissing = "ca-certificates-missing",
    /// A time zone is asked for, and the image has no time zone data.
    TimezoneMissing = "timezone-missing",
    /// The program uses `/tmp`, and the image has none.
    TmpMissing = "tmp-missing",
    /// `/tmp` cannot be written by the user that runs the program.
    TmpMode = "tmp-mode",
    /// The program looks users up, and the image has no `/etc/passwd`.
    PasswdMissing = "passwd-missing",
    /// Without `/etc/nsswitch.conf` the program's resolver asks DNS before `/etc/hosts`.
    NsswitchMissing = "nsswitch-missing",
    /// The program looks services or protocols up by name, and the image has no `/etc/services` or
    /// `/etc/protocols`.
    ServicesMissing = "services-missing",
    /// The program is linked statically against glibc and uses name services that glibc loads at
    /// run time.
    StaticGlibcNss = "static-glibc-nss",
    /// The working directory is not a directory.
    WorkdirNotADirectory = "workdir-not-a-directory",
    /// A layer holds the same path twice.
    DuplicatePath = "duplicate-path",
    /// A hard link names a file that is not in the image before it.
    HardLinkBroken = "hard-link-broken",
    /// The image has a volume where none can be mounted: at the root, over `/proc` or `/dev`, or
    /// over a file.
    VolumeNotMountable = "volume-not-mountable",
    /// The program lies in a volume of the image: a volume that is there already hides it.
    VolumeHidesProgram = "volume-hides-program",
    /// The image asks for a stop signal that does not exist.
    StopSignalUnknown = "stop-signal-unknown",
    /// A file or an environment variable in the image looks like a secret.
    SecretInImage = "secret-in-image",
    /// A file in the image runs with the rights of its owner or group, whoever starts it.
    SetuidFile = "setuid-file",
    /// The Dockerfile names its author by an instruction that is deprecated.
    MaintainerDeprecated = "maintainer-deprecated",
    /// The Dockerfile has an instruction for builds that begin with its image.
    OnbuildTrigger = "onbuild-trigger",
    /// A manifest is no YAML, or has something that the API refuses.
    ManifestInvalid = "manifest-invalid",
    /// A hook of a container runs a program that is not in its image, such as a shell.
    HookNeedsShell = "hook-needs-shell",
    /// A probe or a hook asks a port by a name that its container does not have.
    PortNameUnknown = "port-name-unknown",
    /// A program that is not root has a volume that belongs to root, and its pod has no `fsGroup`.
    FsGroupMissing = "fs-group-missing",
    /// The kernel killed the program because the container was at its memory limit.
    OomKilled = "oom-killed",
    /// The kernel killed a child of the program because the container was at its memory limit.
    ChildOomKilled = "child-oom-killed",
    /// The program was killed with SIGKILL by something outside of the container.
    KilledFromOutside = "killed-from-outside",
    /// The program did not react to its stop signal and was killed when the grace period ended.
    StopSignalIgnored = "stop-signal-ignored",
    /// Exit code 139: a segmentation fault, or `abort()` in a process that is PID 1.
    SegfaultOrAbort = "segfault-or-abort",
    /// The program aborted itself (SIGABRT).
    Aborted = "aborted",
    /// The program executed an instruction that the processor does not have, or a deliberate trap
    /// (SIGILL).
    IllegalInstruction = "illegal-instruction",
    /// The program made a system call that its seccomp profile answers with a kill (SIGSYS).
    ForbiddenSyscall = "forbidden-syscall",
    /// The program was ended by another signal.
    KilledBySignal = "killed-by-signal",
    /// A Rust program panicked.
    RustPanic = "rust-panic",
    /// A Go program panicked or its runtime gave up.
    GoPanic = "go-panic",
    /// The program wrote where its root filesystem is read-only.
    ReadOnlyFilesystem = "read-only-filesystem",
    /// No further process or thread can be started: a limit on their number is reached.
    ProcessLimit = "process-limit",
    /// A limit on open files, sockets or file watches is reached.
    FileLimit = "file-limit",
    /// A disk, a tmpfs or a quota is full.
    NoSpace = "no-space",
    /// The program asked for memory and got none: its own limit or the machine's memory is used up.
    OutOfMemory = "out-of-memory",
    /// The program's user may not use a file or directory.
    PathNotPermitted = "path-not-permitted",
    /// The kernel forbids what the program does: a capability is missing, or a security profile
    /// forbids it.
    OperationNotPermitted = "operation-not-permitted",
    /// The program's user may not listen on that port.
    PortNotPermitted = "port-not-permitted",
    /// A host's name has no address, or no name server answers.
    NameNotResolved = "name-not-resolved",
    /// Nothing listens where a connection is made to.
    ConnectionRefused = "connection-refused",
    /// The other side of a connection does not answer or cannot be reached.
    ConnectionTimedOut = "connection-timed-out",
    /// The other side's certificate is expired, not yet valid, or made out to another name.
    CertificateInvalid = "certificate-invalid",
    /// A server refuses the user name or password of who connects.
    LoginRefused = "login-refused",
    /// The data that a program finds is of another version of it, is damaged, or is not its own.
    DataUnusable = "data-unusable",
    /// Another process holds the lock on a program's data.
    DataInUse = "data-in-use",
    /// The program ended by itself with an exit code of its own.
    AppExit = "app-exit",
    /// The container was stopped on request and its program obeyed.
    Stopped = "stopped",
    /// The program ends again and again, and the restart policy starts it again and again.
    CrashLoop = "crash-loop",
    /// The program ends with success each time, and the restart policy starts it again.
    RestartedAfterSuccess = "restarted-after-success",
    /// The container was created and never started.
    NeverStarted = "never-started",
    /// A port that the container publishes or listens on is taken.
    PortInUse = "port-in-use",
    /// A mount of the container failed.
    MountFailed = "mount-failed",
    /// A device that the container asks for is not on the engine's host, or has no driver there.
    DeviceMissing = "device-missing",
    /// A network that the container joins is gone.
    NetworkMissing = "network-missing",
    /// The container whose namespace this one joins is gone or does not run.
    PeerMissing = "peer-missing",
    /// The container's log driver cannot be started.
    LogDriverFailed = "log-driver-failed",
    /// The container's seccomp or AppArmor profile cannot be had.
    SecurityProfileMissing = "security-profile-missing",
    /// A limit or control group that the container asks for cannot be set up.
    LimitRefused = "limit-refused",
    /// The name of a container, network or endpoint is taken.
    NameInUse = "name-in-use",
    /// A program's file cannot be executed while it is open for writing.
    FileBusy = "file-busy",
    /// A file, secret, config map or variable that a container needs is not there.
    ConfigMissing = "config-missing",
    /// A configuration file, an option or an argument is not understood by what reads it.
    ConfigInvalid = "config-invalid",
    /// The latest start of a container failed.
    StartFailed = "start-failed",
    /// The engine cannot be reached, or its socket may not be used.
    EngineUnreachable = "engine-unreachable",
    /// Client and engine do not speak a common version of the API.
    ApiVersion = "api-version",
    /// The name of an image is not well formed.
    ImageNameInvalid = "image-name-invalid",
    /// The registry has no such image, or does not show it.
    ImageNotFound = "image-not-found",
    /// The registry refuses who asks.
    RegistryDenied = "registry-denied",
    /// The registry answers no more pulls for now.
    RegistryRateLimited = "registry-rate-limited",
    /// An image cannot be pulled.
    ImagePullFailed = "image-pull-failed",
    /// The working directory of a command does not exist in the container.
    WorkdirMissing = "workdir-missing",
    /// The engine was restarted and found the container dead, its exit code unknown.
    DaemonRestarted = "daemon-restarted",
    /// The container is paused.
    Paused = "paused",
    /// The container is not running.
    NotRunning = "not-running",
    /// The container, or the image, is gone.
    Removed = "removed",
    /// The container runs and its health check fails.
    RunningUnhealthy = "running-unhealthy",
    /// Dead children of the program wait for it to reap them.
    Zombies = "zombies",
    /// The container is close to its memory or process limit.
    NearLimit = "near-limit",
    /// The image is not on the node, and the pod forbids pulling it.
    ImageNeverPull = "image-never-pull",
    /// The image exists in its registry, but not for the platform of the node.
    ImagePlatformMissing = "image-platform-missing",
    /// The registry refuses the pod's credentials, or wants some.
    ImageAuth = "image-auth",
    /// The node does not get through to the registry of an image.
    ImageRegistryUnreachable = "image-registry-unreachable",
    /// The pod needs a `ConfigMap` that does not exist in its namespace.
    ConfigMapMissing = "config-map-missing",
    /// The pod needs a Secret that does not exist in its namespace.
    SecretMissing = "secret-missing",
    /// The pod takes a key that its `ConfigMap` or Secret does not have.
    ConfigKeyMissing = "config-key-missing",
    /// The pod must not run as root, and its image or its settings do.
    RunAsNonRootRootImage = "run-as-non-root-root-image",
    /// The pod must not run as root, and its image names its user in letters.
    RunAsNonRootNamedUser = "run-as-non-root-named-user",
    /// No node has room for what the pod requests.
    UnschedulableResources = "unschedulable-resources",
    /// No node matches the node selector, affinity or spread constraints of the pod.
    UnschedulableAffinity = "unschedulable-affinity",
    /// The nodes keep the pod away by taints, or because they are cordoned.
    UnschedulableTaint = "unschedulable-taint",
    /// The pod waits for a volume claim that does not exist or is not bound.
    PvcUnbound = "pvc-unbound",
    /// A volume of the pod cannot be attached or mounted.
    VolumeMountFailed = "volume-mount-failed",
    /// The node cannot make the sandbox of a pod: its namespaces and its network.
    SandboxFailed = "sandbox-failed",
    /// An init container fails, so the containers after it are not started.
    InitFailed = "init-failed",
    /// The kubelet kills the container because its liveness probe fails.
    LivenessKilled = "liveness-killed",
    /// The kubelet kills the container because its startup probe does not succeed in time.
    StartupProbeTooTight = "startup-probe-too-tight",
    /// The container runs, and its readiness probe fails: services send nothing to it.
    ReadinessFailing = "readiness-failing",
    /// A probe runs a program that is not in the image, such as a shell.
    ProbeNeedsShell = "probe-needs-shell",
    /// The container did not end in the grace period of its pod's deletion, and was killed.
    SigkillAfterGrace = "sigkill-after-grace",
    /// The pod was evicted because its node ran low on memory.
    EvictedMemory = "evicted-memory",
    /// The pod was evicted because of the disk that it used, or because its node ran low on it.
    EvictedDisk = "evicted-disk",
    /// The pod or job ran longer than it may.
    DeadlineExceeded = "deadline-exceeded",
    /// The node of the pod does not report: what the pod does is unknown.
    NodeLost = "node-lost",
    /// The node has lost the container: its exit code is made up.
    StatusUnknown = "status-unknown",
    /// The pod security profile of the namespace forbids the pods of a workload.
    PodSecurityRefused = "pod-security-refused",
    /// The quota of the namespace does not allow the pods of a workload.
    QuotaExceeded = "quota-exceeded",
    /// The program of a container ends with success each time, and its pod starts it again.
    CompletedRestartLoop = "completed-restart-loop",
    /// A rollout does not finish: its pods do not become ready in time.
    RolloutStuck = "rollout-stuck",
    /// The container runs.
    Running = "running",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The text is not the name of a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a code: docs/codes.md lists them all")]
pub struct CodeError(String);

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(word: &str) -> Result<Self, CodeError> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == word)
            .ok_or_else(|| CodeError(word.to_owned()))
    }
}

#[cfg(test)]
mod tests;
