//! Where a program was started from, as far as the words of a message show.

/// Where a program was started from, as far as the text shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// The container's own program.
    Create,
    /// An additional program in a running container.
    Exec,
    /// A health check or probe.
    Probe,
    /// By the container's program.
    Program,
}

/// Judges a line by the words of runtimes and engines.
pub(crate) fn context(line: &str) -> Context {
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    if has(&["probe failed", "probe errored", "Health check", "healthcheck"]) {
        Context::Probe
    } else if has(&[
        "exec failed",
        "OCI runtime exec",
        "failed to exec in container",
        "error executing command",
        "PreStopHook",
        "PostStartHook",
        "exec session",
        "tenant",
    ]) {
        Context::Exec
    } else if has(&[
        "create failed",
        "container process",
        "create containerd task",
        "container_linux.go",
        "exec user process",
        "container create",
        "ontainer failed",
        "OCI runtime",
        "crun",
        "youki",
        "OCI permission denied",
        "runtime_error",
    ]) || line.contains('`')
        || line.contains("executable '")
    {
        Context::Create
    } else {
        Context::Program
    }
}
