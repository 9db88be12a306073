//! Copies see no more of the host's directories and of volumes than their originals, and none that
//! may be more than data.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use scratchdbg_testkit::program::Finished;

use crate::own_engine::OwnEngine;
use crate::stage::Stage;

/// A mount below a directory; unmounted on drop.
struct Mounted(String);

impl Mounted {
    fn new(arguments: &[&str], place: String) -> Self {
        let mounted = Command::new("mount").args(arguments).arg(&place).status();
        assert!(mounted.expect("mount").success(), "this test needs root");
        Self(place)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _unmounted =
            Command::new("umount").args(["--lazy", &self.0]).stderr(Stdio::null()).status();
    }
}

/// Containers that are never started; removed on drop.
struct Created<'a>(&'a Stage, Vec<String>);

impl Created<'_> {
    fn add(&mut self, stem: &str, flags: &[&str]) -> String {
        let name = self.0.engine.name(stem);
        let create = ["create", "--network", "none", "--name", &name];
        self.0.engine.ask(create.into_iter().chain(flags.iter().copied()).chain([&*self.0.image]));
        self.1.push(name.clone());
        name
    }

    fn remove(&self, name: &str) {
        self.0.engine.docker(["rm", "--force", "--volumes", name]);
    }
}

impl Drop for Created<'_> {
    fn drop(&mut self) {
        self.1.iter().for_each(|name| self.remove(name));
    }
}

/// Creates a directory for the test, with a path without links.
fn folder(stage: &Stage, name: &str) -> String {
    let path = stage.scratchdbg.home().canonicalize().expect("it is there").join(name);
    fs::create_dir_all(&path).expect("it can be made");
    path.to_string_lossy().into_owned()
}

/// Returns which of these paths a copy has.
fn look(stage: &Stage, options: &[&str], name: &str, paths: &[&str]) -> Finished {
    let script = r#"for path; do test -e "$path" && echo "$path"; done; true"#;
    let command = ["--", "sh", "-c", script, "sh"];
    stage.run(&[&["attach"], options, &[name], &command, paths].concat())
}

#[test]
fn a_copy_has_nothing_that_is_mounted_below_a_folder() {
    let stage = Stage::set();
    let mut created = Created(&stage, Vec::new());
    let top = folder(&stage, "top");
    let disk = Mounted::new(&["-t", "tmpfs", "tmpfs"], folder(&stage, "top/disk"));
    fs::write(Path::new(&disk.0).join("hidden"), "").expect("it can be written");
    let alone = format!("type=bind,src={top},dst=/alone,bind-nonrecursive");
    let read_only = format!("type=bind,src={top},dst=/read-only,bind-nonrecursive,readonly");
    let narrow = created.add("narrow", &["--mount", &alone, "--mount", &read_only]);
    let heir = created.add("heir", &["--volumes-from", &narrow]);
    let wide = created.add("wide", &["--volume", &format!("{top}:/wide")]);
    let paths = ["/alone/disk", "/alone/disk/hidden", "/read-only/disk", "/read-only/disk/hidden"];
    for (name, options) in [
        (&narrow, &[][..]),
        (&narrow, &["--same-rights"]),
        (&heir, &[]),
        (&heir, &["--same-rights"]),
    ] {
        let finished = look(&stage, options, name, &paths);
        finished.expect(0, "/alone/disk\n/read-only/disk\n");
        assert!(!finished.stderr.contains("goes without"), "{finished}");
    }
    let finished = look(&stage, &[], &wide, &["/wide/disk", "/wide/disk/hidden"]);
    finished.expect(0, "/wide/disk\n");
    assert!(finished.stderr.contains(&format!("what is mounted below {top}")), "{finished}");
    look(&stage, &["--same-rights"], &wide, &["/wide/disk/hidden"])
        .expect(0, "/wide/disk/hidden\n");

    // How the other container mounted it is no longer known; a new container with its name is
    // another one.
    created.remove(&narrow);
    for again in [false, true] {
        if again {
            stage.engine.ask([
                "create",
                "--name",
                &narrow,
                "--volume",
                &format!("{top}:/alone"),
                &*stage.image,
            ]);
        }
        let finished = look(&stage, &["--same-rights"], &heir, &["/alone", "/read-only"]);
        finished.expect(0, "");
        assert!(
            finished.stderr.contains("mount /alone (it may come from a container that is gone"),
            "{finished}"
        );
    }
}

#[test]
fn a_copy_has_no_folder_that_a_container_can_put_another_in_the_place_of() {
    let stage = Stage::set();
    let mut created = Created(&stage, Vec::new());
    let (shared, own) = (folder(&stage, "shared"), folder(&stage, "own"));
    let inside = folder(&stage, "shared/inside");
    // Having the engine read files of a container that was never started leaves empty directories
    // at its mounts.
    std::fs::write(format!("{inside}/disk"), "").expect("it can be made");
    std::os::unix::fs::symlink(&inside, format!("{own}/link")).expect("it can be made");
    let _other = created.add("other", &["--volume", &format!("{shared}:/shared")]);
    let binds = [
        (&*inside, "/inside"),
        (&format!("{own}/link"), "/link"),
        (&*shared, "/shared"),
        (&*own, "/own"),
    ];
    let binds: Vec<String> = binds.iter().map(|(from, to)| format!("{from}:{to}:ro")).collect();
    let flags: Vec<&str> = binds.iter().flat_map(|bind| ["--volume", bind]).collect();
    let target = created.add("target", &flags);
    let finished = look(&stage, &[], &target, &["/inside/disk", "/link/disk", "/shared", "/own"]);
    finished.expect(0, "/shared\n/own\n");
    for what in [&inside, &format!("{own}/link")] {
        assert!(
            finished.stderr.contains(&format!("mount {what} (a container can write to")),
            "{finished}"
        );
    }
}

#[test]
fn a_copy_has_no_folder_that_is_the_hosts_by_a_mount_or_has_a_socket_in_it() {
    let stage = Stage::set();
    let mut created = Created(&stage, Vec::new());
    let places =
        ["alias", "kernel", "around/etc", "sockets/deep", "plain"].map(|name| folder(&stage, name));
    let _alias = Mounted::new(&["--bind", "/etc"], places[0].clone());
    let _kernel = Mounted::new(&["-t", "proc", "proc"], places[1].clone());
    let _below = Mounted::new(&["--bind", "/etc"], places[2].clone());
    let _socket = UnixListener::bind(format!("{}/s", places[3])).expect("it can be made");
    let around = folder(&stage, "around");
    let sockets = folder(&stage, "sockets");
    let binds = [
        format!("{}:/alias:ro", places[0]),
        format!("{}:/kernel:ro", places[1]),
        format!("{around}:/around:ro"),
        format!("{sockets}:/sockets:ro"),
        format!("{}:/plain:ro", places[4]),
    ];
    let flags: Vec<&str> = binds.iter().flat_map(|bind| ["--volume", bind]).collect();
    let target = created.add("target", &flags);
    let finished = look(
        &stage,
        &[],
        &target,
        &["/alias", "/kernel", "/sockets", "/around", "/around/etc/hosts", "/plain"],
    );
    finished.expect(0, "/around\n/plain\n");
    for what in [
        format!("mount {} (the host's settings)", places[0]),
        format!("mount {} (a filesystem of the kernel)", places[1]),
        format!("what is mounted below {around}"),
        format!("mount {sockets} (a socket of the host)"),
    ] {
        assert!(finished.stderr.contains(&what), "{what} in {finished}");
    }
}

#[test]
fn a_copy_has_no_filesystem_that_shows_other_folders() {
    let stage = Stage::set();
    let mut created = Created(&stage, Vec::new());
    let top = |name: &str| folder(&stage, name);
    // A filesystem of this machine holds the layers: overlay takes none that is an overlay itself.
    let disk = Mounted::new(&["-t", "tmpfs", "tmpfs"], top("disk"));
    let [low, up, work, merged] =
        ["low", "up", "work", "merged"].map(|name| format!("{}/{name}", disk.0));
    for layer in [&low, &up, &work, &merged] {
        fs::create_dir(layer).expect("it can be made");
    }
    let options = format!("lowerdir=/etc:{low},upperdir={up},workdir={work}");
    let overlay = Mounted::new(&["-t", "overlay", "overlay", "-o", &options], merged.clone());
    fs::create_dir(format!("{merged}/deep")).expect("it can be made");
    let alias = Mounted::new(&["--bind", &merged], top("alias"));
    let binds = [
        (&*merged, "/merged"),
        (&format!("{merged}/deep"), "/deep"),
        (&*alias.0, "/alias"),
        (&*low, "/low"),
    ];
    let binds: Vec<String> = binds.iter().map(|(from, to)| format!("{from}:{to}")).collect();
    let flags: Vec<&str> = binds.iter().flat_map(|bind| ["--volume", bind]).collect();
    let target = created.add("target", &flags);
    let finished = look(&stage, &[], &target, &["/merged", "/deep", "/alias", "/low"]);
    finished.expect(0, "/low\n");
    for what in [&merged, &format!("{merged}/deep"), &alias.0] {
        let said =
            format!("mount {what} (its filesystem shows other folders, which may be the host's)");
        assert!(finished.stderr.contains(&said), "{said} in {finished}");
    }
    look(&stage, &["--same-rights"], &target, &["/merged/hosts"]).expect(0, "/merged/hosts\n");
    drop((alias, overlay));

    // What is mounted over a volume's folder is not the volume's. Removing such a volume removes
    // what it shows, so nothing here shows the host's.
    let volume = stage.engine.name("volume");
    stage.engine.ask(["volume", "create", &volume]);
    let place = stage.engine.ask(["volume", "inspect", "--format", "{{.Mountpoint}}", &volume]);
    let over =
        Mounted::new(&["-t", "overlay", "overlay", "-o", &format!("lowerdir={low}:{up}")], place);
    let volumes = created.add("volumes", &["--volume", &format!("{volume}:/volume:nocopy")]);
    let finished = look(&stage, &[], &volumes, &["/volume"]);
    drop(over);
    finished.expect(0, "");
    assert!(finished.stderr.contains("(its filesystem shows other folders"), "{finished}");
    look(&stage, &[], &volumes, &["/volume"]).expect(0, "/volume\n");
    created.remove(&volumes);
    stage.engine.ask(["volume", "rm", &volume]);
}

#[test]
fn the_folder_that_an_engine_has_its_files_in_is_known_by_what_the_engine_says() {
    let stage = Stage::set();
    let engine = OwnEngine::start();
    engine.import_app(&stage);
    let root = engine.ask(&["info", "--format", "{{.DockerRootDir}}"]);
    let root = root.trim();
    let above = Path::new(root).parent().expect("it is not the root").display().to_string();
    let binds = [
        format!("{root}:/root:ro"),
        format!("{root}/volumes:/volumes"),
        format!("{above}:/above:ro"),
    ];
    let flags: Vec<&str> = binds.iter().flat_map(|bind| ["--volume", bind]).collect();
    engine.ask(
        &[&["create", "--network", "none", "--name", "target"], &flags[..], &["app:1"]].concat(),
    );
    let command = ["attach", "target", "--", "sh", "-c", "ls -d /root /volumes /above; true"];
    let finished = engine.scratchdbg().run(command);
    finished.expect(0, "");
    for what in [root, &format!("{root}/volumes"), &above] {
        assert!(
            finished.stderr.contains(&format!("mount {what} (the engine's")),
            "{what} in {finished}"
        );
    }
}
