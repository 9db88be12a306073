# shellcheck shell=bash
# The processes of a cluster: started in a control group of their own, so that all of them are found at the end, those in
# the pods and those that lost their parents included. Sourced by scripts/cluster.

# hierarchies: the root of each hierarchy of control groups: several of version 1, or the one of version 2.
hierarchies() {
  local folder
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo /sys/fs/cgroup
    return
  fi
  for folder in /sys/fs/cgroup/*/; do
    if [ -e "$folder/cgroup.procs" ]; then echo "${folder%/}"; fi
  done
}

# make_groups GROUP...: below the cluster's own group, in every hierarchy.
make_groups() {
  local root group file
  for root in $(hierarchies); do
    for group in "$name" "${@/#/$name/}"; do
      mkdir -p "$root/$group"
      # A new group of cpuset may use nothing, and takes no process.
      for file in cpuset.cpus cpuset.mems; do
        if [ -e "$root/cgroup.clone_children" ] && [ -e "$root/$group/$file" ]; then
          cat "$root/$file" >"$root/$group/$file"
        fi
      done
    done
  done
}

# write_starter NAME NAMESPACE COMMAND...: makes DIR/run/NAME, which starts that program in the background, in the group
# `programs` and the network namespace, with its log in DIR/log/NAME.log and its process id in DIR/run/NAME.pid. A test that
# kills the program starts it again so.
write_starter() {
  local program=$1 namespace=$2 file=$dir/run/$1
  shift 2
  {
    printf '#!/usr/bin/env bash\n# Starts %s of the cluster in %s.\nset -euo pipefail\n' "$program" "$dir"
    printf 'for group in %s; do echo $$ >"$group/cgroup.procs"; done\n' "$(groups_of programs)"
    printf 'export PATH=%q:$PATH\ncd %q\n' "$dir/bin" "$dir/pki"
    printf 'setsid nsenter --net=%q %s >>%q 2>&1 </dev/null &\n' \
      "/run/netns/$name-$namespace" "$(quoted "$@")" "$dir/log/$program.log"
    printf 'echo $! >%q\n' "$file.pid"
  } >"$file"
  chmod +x "$file"
}
groups_of() { hierarchies | sed "s|\$|/$name/$1|" | tr '\n' ' '; }
quoted() { printf '%q ' "$@"; }

# start NAME NAMESPACE COMMAND...
start() {
  write_starter "$@"
  # Neither the lock nor the caller's streams: they would be held as long as the program lives.
  "$dir/run/$1" 7>&- 8>&-
}

# own_processes: all that is in the cluster's groups.
own_processes() {
  local root
  for root in $(hierarchies); do
    if [ -d "$root/$name" ]; then find "$root/$name" -name cgroup.procs -exec cat {} + 2>/dev/null; fi
  done | sort -un
}

# end_processes: kills until there is none. What is frozen, by a paused container, has to thaw for that.
end_processes() {
  local pids group deadline=$((SECONDS + 30))
  while pids=$(own_processes) && [ -n "$pids" ]; do
    [ "$SECONDS" -lt "$deadline" ] ||
      die "processes of the cluster do not end: $(tr '\n' ' ' <<<"$pids")" "look at them with: ps -p PID"
    for group in /sys/fs/cgroup/freezer/"$name"; do
      if [ -d "$group" ]; then find "$group" -name freezer.state -exec sh -c 'echo THAWED >"$1"' - {} \; 2>/dev/null; fi
    done
    # Some of them may have ended by now.
    xargs -r kill -KILL <<<"$pids" 2>/dev/null || true
    sleep 0.05
  done
}

# remove_groups: an ended process leaves its group a moment later.
remove_groups() {
  local root deadline=$((SECONDS + 10))
  for root in $(hierarchies); do
    while [ -d "$root/$name" ] && ! find "$root/$name" -depth -type d -exec rmdir {} + 2>/dev/null; do
      [ "$SECONDS" -lt "$deadline" ] || die "cannot remove the control group $root/$name" "is a process in it?"
      sleep 0.05
    done
  done
}
