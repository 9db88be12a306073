//! Codes of programs that do not start.

use super::Entry;
use crate::code::Code;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::LoaderMissing,
        shows: "`exec /app: no such file or directory` in the container's log, exit code 1 (255 with runc 1.2 and later), while the file is there.",
        fix: "Link statically: `CGO_ENABLED=0` for Go, a musl target or `-C target-feature=+crt-static` for Rust, `-static` for C. Or put the loader and the libraries in the image.",
        reproduce: "echo 'int main(){return 0;}' | cc -x c - -o app && scratchdbg check ./app",
    },
    Entry {
        code: Code::LibraryMissing,
        shows: "`error while loading shared libraries: libssl.so.3: cannot open shared object file`, exit code 127.",
        fix: "Add the library and what it needs in turn, or link statically.",
        reproduce: "scratchdbg why --message 'error while loading shared libraries: libssl.so.3: cannot open shared object file'",
    },
    Entry {
        code: Code::LibraryTooOld,
        shows: "``version `GLIBC_2.38' not found (required by /app)``; with musl, `Error relocating /app: …: symbol not found`.",
        fix: "Build on the distribution that the image's libraries come from, or on an older one; or link statically. glibc and musl do not mix.",
        reproduce: "scratchdbg why --message \"/app: /lib/libc.so.6: version \\`GLIBC_2.38' not found (required by /app)\"",
    },
    Entry {
        code: Code::InterpreterMissing,
        shows: "`exec /entrypoint.sh: no such file or directory` although the script is there; `env: python3: No such file or directory`.",
        fix: "Start a program instead of a script, or use an image that has the interpreter.",
        reproduce: "printf '#!/bin/bash\\n' > run.sh && scratchdbg check ./run.sh",
    },
    Entry {
        code: Code::CrlfShebang,
        shows: "`exec /entrypoint.sh: no such file or directory`; the script was saved with Windows line endings.",
        fix: "`sed -i 's/\\r$//' FILE`, and `*.sh text eol=lf` in `.gitattributes`.",
        reproduce: "printf '#!/bin/sh\\r\\necho hi\\r\\n' > run.sh && scratchdbg check ./run.sh",
    },
    Entry {
        code: Code::WrongArchitecture,
        shows: "`exec /app: exec format error`; Docker warns beforehand only where the image's configuration is honest.",
        fix: "Build for the platform of the host: `GOARCH`, `--target`, `--platform`.",
        reproduce: "GOARCH=arm64 CGO_ENABLED=0 go build -o app . && scratchdbg build ./app --platform linux/amd64",
    },
    Entry {
        code: Code::NotAnExecutable,
        shows: "`exec /app: exec format error`: an empty file, a script without `#!`, a macOS or Windows binary, an archive.",
        fix: "Name the program that the build made for Linux. The finding says what the file is instead.",
        reproduce: "touch empty && scratchdbg check ./empty",
    },
    Entry {
        code: Code::TruncatedBinary,
        shows: "Exit code 139 and not a word: a copy was cut short.",
        fix: "Copy or download it again, and compare checksums.",
        reproduce: "head -c 100000 ./app > cut && scratchdbg check ./cut",
    },
    Entry {
        code: Code::CpuLevel,
        shows: "`Illegal instruction` (exit code 132), `CPU does not support x86-64-v3`, on an older machine.",
        fix: "Build for the baseline: `GOAMD64=v1`, `-C target-cpu=x86-64`, `-march=x86-64`.",
        reproduce: "GOAMD64=v4 CGO_ENABLED=0 go build -o app . && scratchdbg check ./app",
    },
    Entry {
        code: Code::EntrypointMissing,
        shows: "`exec: \"/nope\": stat /nope: no such file or directory`, exit code 127, nothing in the log.",
        fix: "Put the program there, or name the path that it is at; a link must lead to something in the image.",
        reproduce: "docker run --rm --entrypoint /nope IMAGE",
    },
    Entry {
        code: Code::EntrypointNotAbsolute,
        shows: "`exec: \"app\": executable file not found in $PATH`, exit code 127. `/` is not in the default `PATH`.",
        fix: "Write the absolute path: `ENTRYPOINT [\"/app\"]`.",
        reproduce: "docker run --rm --entrypoint app IMAGE",
    },
    Entry {
        code: Code::EntrypointOneString,
        shows: "`exec: \"/app --flag\": stat /app --flag: no such file or directory`.",
        fix: "Write each argument as an element of its own: `[\"/app\", \"--flag\"]`.",
        reproduce: "docker run --rm --entrypoint '/app --flag' IMAGE",
    },
    Entry {
        code: Code::ShellForm,
        shows: "`exec: \"/bin/sh\": stat /bin/sh: no such file or directory`: `ENTRYPOINT /app` without brackets.",
        fix: "Exec form: `ENTRYPOINT [\"/app\"]`. The finding shows the rewritten line where it can be.",
        reproduce: "printf 'FROM scratch\\nCOPY app /app\\nCMD /app --flag\\n' > Dockerfile && scratchdbg check Dockerfile",
    },
    Entry {
        code: Code::NoCommand,
        shows: "`No command specified`.",
        fix: "Set `ENTRYPOINT` or `CMD`.",
        reproduce: "printf 'FROM scratch\\nCOPY app /app\\n' | docker build -t none -f - . && docker run --rm none",
    },
    Entry {
        code: Code::NotExecutableMode,
        shows: "`exec: \"/app\": permission denied` or `is a directory`, exit code 126.",
        fix: "Mode 0755: `COPY --chmod=0755`; name a file and not a directory.",
        reproduce: "docker run --rm --entrypoint /etc IMAGE",
    },
    Entry {
        code: Code::ParentNotSearchable,
        shows: "`stat /opt/app: permission denied`, exit code 126, for an unprivileged user.",
        fix: "Mode 0755 for the directories above the program.",
        reproduce: "scratchdbg why --message 'exec: \"/opt/app\": stat /opt/app: permission denied: unknown'",
    },
    Entry {
        code: Code::ArgumentTooLong,
        shows: "`exec /app: argument list too long`: one argument or variable of more than 128 KiB.",
        fix: "Put the value in a file and mount it.",
        reproduce: "scratchdbg why --message 'exec /app: argument list too long'",
    },
    Entry {
        code: Code::EnvironmentInvalid,
        shows: "`environment variable name can't be empty: \"=x\"`.",
        fix: "Give the entry a name, or remove it.",
        reproduce: "docker run --rm -e =x IMAGE",
    },
    Entry {
        code: Code::ExecNotPermitted,
        shows: "`exec /app: operation not permitted`: the file claims capabilities that the container's bounding set lacks.",
        fix: "`setcap -r` on the file, or `--cap-add`.",
        reproduce: "scratchdbg why --message 'exec /app: operation not permitted'",
    },
    Entry {
        code: Code::UserUnknown,
        shows: "`unable to find user nonroot: no matching entries in passwd file`, also for `root`.",
        fix: "Numbers: `USER 65532:65532`; or `/etc/passwd` and `/etc/group` in the image.",
        reproduce: "docker run --rm --user nonroot IMAGE",
    },
    Entry {
        code: Code::WorkdirNotADirectory,
        shows: "`Cannot mkdir: /app is not a directory`.",
        fix: "Name a directory. One that is absent is made by the engine.",
        reproduce: "docker run --rm --workdir /app IMAGE",
    },
    Entry {
        code: Code::WorkdirMissing,
        shows: "`chdir to cwd (\"/nodir\") set in config.json failed: no such file or directory`, from `docker exec -w`.",
        fix: "Name a directory that the container has.",
        reproduce: "docker exec -w /nodir CONTAINER /app",
    },
    Entry {
        code: Code::MountFailed,
        shows: "`bind source path does not exist`, `Are you trying to mount a directory onto a file`.",
        fix: "See that the source exists on the engine's host, and is of the same kind as its target.",
        reproduce: "docker run --rm -v /etc:/app IMAGE",
    },
    Entry {
        code: Code::NeverStarted,
        shows: "Status `created`: nothing has failed, or the engine's error is one that is not known.",
        fix: "`docker start`; where the engine gives an error, its own log says more.",
        reproduce: "docker create --name web IMAGE && scratchdbg why web",
    },
];
