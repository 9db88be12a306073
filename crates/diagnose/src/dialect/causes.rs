//! Exhausted or forbidden resources: limits, memory, disks, ports, names. These are causes,
//! whatever the program reports as their consequence.

use super::{Wording, says};
use crate::code::Code;

pub(super) const WORDINGS: &[Wording] = &[
    // Processes and threads. Sockets and file locks fail with EAGAIN too, so EAGAIN alone is
    // ambiguous.
    says!(
        ProcessLimit,
        r"(?i)(?:\bfork\b|\bv?fork\(|\bclone\b|pthread_create|posix_spawn|\bspawn|\bexec\b|fork/exec|(?:creat|start|spawn|new)\w*[^\n]{0,40}\bthreads?\b|\bthreads?\b[^\n]{0,60}(?:creat|start|spawn|init))[^\n]*(?:resource temporarily unavailable|\bEAGAIN\b|errno ?= ?11\b|os error 11\b)",
        "no further process or thread can be started: a limit on their number is reached",
        "raise the limit that is reached: ulimit nproc (--ulimit nproc=…; it counts all processes of that uid on the host, of all \
         containers together), --pids-limit, or kernel.threads-max; or find what leaves processes behind (zombies: --init)"
    ),
    says!(
        ProcessLimit,
        r"(?i)may need to increase max user processes|failed to create new OS thread|unable to create (?:new )?native thread|can't start new thread|cannot fork\b|\bno more processes\b|fork: retry|\bspawn \S+ EAGAIN\b",
        "no further process or thread can be started: a limit on their number is reached",
        "raise the limit that is reached: ulimit nproc (--ulimit nproc=…; it counts all processes of that uid on the host, of all \
         containers together), --pids-limit, or kernel.threads-max; or find what leaves processes behind (zombies: --init)"
    ),
    // Inotify has its own limits, and reports them with other errors' names.
    says!(
        FileLimit,
        r"(?i)(?:inotify|fsnotify|file watch|\bwatch\b)[^\n]*(?:too many open files|no space left on device|ENOSPC|EMFILE)|limit for number of file watchers reached",
        "the user's limit on inotify watches or instances is reached, which the whole host shares",
        "raise it on the host: sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024"
    ),
    says!(
        FileLimit,
        r"(?i)too many open files in system|\bENFILE\b",
        "the host has no file handle left (fs.file-max): too many files are open on the whole machine",
        "find what holds them (lsof), or raise fs.file-max on the host"
    ),
    says!(
        FileLimit,
        r"(?im)too many open files(?:$|\s*[^\w\s]|\s+(?:at|on|in|for|while|when|during|writing|opening|errno|\w+=))|\bEMFILE\b|no file descriptors available",
        "the program has as many files and sockets open as it may (ulimit nofile)",
        "raise the limit (--ulimit nofile=65536:65536), or close what is not needed any more: a leak reaches every limit"
    ),
    says!(
        NoSpace,
        r#"(?im)(?:(?:write|open|mkdir|create|copy|close|fsync|rename|symlink|link|extend|append|fallocate|copyfile|copy_file_range)\w*:? ['"]?(?P<p>/[^\s:'",]+)['"]?[^\n]*)?(?:no space left on device(?:$|\s*[^\w\s]|\s+(?:at|on|in|for|while|when|during|writing|opening|errno|\w+=))|\bENOSPC\b|disk quota exceeded|\bEDQUOT\b)"#,
        "a disk is full, or has no inode left[: {p} cannot be written]",
        "see which: df -h and df -i (in the container: scratchdbg attach NAME -- df -h); docker system df tells what the engine \
         holds; a tmpfs and /dev/shm have sizes of their own (--tmpfs /tmp:size=…, --shm-size)"
    ),
    // Memory that runs out inside a program, before the kernel kills it.
    says!(
        OutOfMemory,
        r"JavaScript heap out of memory|FATAL ERROR:[^\n]*Allocation failed",
        "Node's heap is as large as it may become",
        "give it more (NODE_OPTIONS=--max-old-space-size=MIB, below the container's --memory), or find the leak"
    ),
    says!(
        OutOfMemory,
        r"java\.lang\.OutOfMemoryError(?:: (?P<p>[^\n]+))?|insufficient memory for the Java Runtime|Could not reserve enough space for (?:\d+KB )?object heap",
        "the Java program has no memory left[ ({p})]",
        "give it more (-Xmx, or -XX:MaxRAMPercentage of the container's --memory), or find the leak: \
         -XX:+HeapDumpOnOutOfMemoryError"
    ),
    says!(
        OutOfMemory,
        r"(?m)^(?:[^\n]*\s)?MemoryError\b|(?i:\bcannot allocate memory\b)|\bENOMEM\b|std::bad_alloc|virtual memory exhausted|runtime: out of memory|fatal error: out of memory|(?i:\bout of memory \(os error 12\))|memory allocation of \d+ bytes failed|os::commit_memory\([^\n]*errno=12\b|Allowed memory size of \d+ bytes exhausted|failed to allocate memory \(NoMemoryError\)",
        "the program asked for memory and got none: a limit of its own (ulimit, a heap size) or the machine's memory is used up",
        "raise the limit or give the machine more memory; see --memory, --ulimit, vm.overcommit_memory; or make the program use \
         less"
    ),
    // Ports that an unprivileged user may not use.
    says!(
        PortNotPermitted,
        r"(?i)\b(?:tcp|udp)[46]? (?P<p>\S*:\d+): bind: permission denied",
        "the program may not listen on its port[, {p}]: ports below 1024 need CAP_NET_BIND_SERVICE",
        "let it listen on a higher port and publish that (-p 80:8080); or --cap-add NET_BIND_SERVICE with root, or --sysctl \
         net.ipv4.ip_unprivileged_port_start=0"
    ),
    says!(
        PortNotPermitted,
        r"(?i)(?:bind\(?\)?|listen)(?: to| on)? ?(?P<p>[\w.\[\]:*]*:\d+)[^\n]*(?:permission denied|EACCES)|listen EACCES: permission denied (?P<q>\S*:\d+)|\bbind(?:\(\)| to| failed| error)[^\n/]*permission denied|make_sock\b[^\n/]*permission denied|^bind: permission denied|permission denied\)?:? [^\n/]*(?:could not bind|bind\()|cannot expose privileged port \d+|permission denied \(bind failed\)|SocketException \(13\): permission denied|while attempting to bind on address[^\n]*permission denied",
        "the program may not listen on its port[, {p}]: ports below 1024 need CAP_NET_BIND_SERVICE",
        "let it listen on a higher port and publish that (-p 80:8080); or --cap-add NET_BIND_SERVICE with root, or --sysctl \
         net.ipv4.ip_unprivileged_port_start=0"
    ),
    // Host names.
    says!(
        NameNotResolved,
        r"lookup (?P<p>[^\s:]+)(?: on \S+)?: (?:no such host|server misbehaving|Temporary failure in name resolution|[^\n]*(?:i/o timeout|connection refused|network is unreachable))",
        "the name {p} has no address, or no name server answers",
        "see the name's spelling and that both are on one network: Docker's default bridge resolves no container names, a network \
         of one's own does (docker network create); and --dns, and /etc/resolv.conf in the container"
    ),
    says!(
        NameNotResolved,
        r#"(?im)\b(?:lookup|dial|resolv\w*|gethostby\w+|host|hostname|connect\w*|getaddrinfo|socket|\w+Exception|\w+Error)\b[^\n]*\bno such host(?:$|\s*[^\w\s-]|\s+(?:at|for|when|while|in|on|during|errno|\w+=))|^no such host(?:$|\s*[^\w\s-])|host not found in (?:upstream|resolver) "(?P<r>[^":\n]+)|temporary failure in name resolution|name or service not known|nodename nor servname provided|could not resolve host(?:name)?:? ?(?P<p>[\w.-]+)?|getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (?P<q>[\w.-]+)|\bUnknownHostException\b|failed to lookup address information|unable to resolve host(?: address)?|name does not resolve|\bNXDOMAIN\b|\bEAI_AGAIN\b|ERR_NAME_NOT_RESOLVED|dns resolution failed|\bbad address ['"](?P<s>[^'":\n]+)|temporary failure resolving '(?P<t>[^'\n]+)'|temporary error \(try again later\)|no resolver defined to resolve|could not be resolved \(\d+: |could not resolve address|no resolvable bootstrap urls|no servers could be reached|failed to resolve '[^'\n]+'"#,
        "a name has no address, or no name server answers[: {p}]",
        "see the name's spelling and that both are on one network: Docker's default bridge resolves no container names, a network \
         of one's own does (docker network create); and --dns, and /etc/resolv.conf in the container"
    ),
    says!(
        FileBusy,
        r#"(?i)(?:exec |open )?['"]?(?P<p>/[^\s:'"]+)?['"]?:? ?text file busy|\bETXTBSY\b"#,
        "a program's file cannot be executed while it is open for writing[: {p}]",
        "close it first: a copy that is still under way, an editor, or a build that writes into the mounted folder; write to \
         another name and rename it"
    ),
];
