//! `forward`: sockets of pods.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use rustix::process::Signal;
use scratchdbg_testkit::cluster::{ImageSpec, Security, pod_spec};
use scratchdbg_testkit::eventually;

use crate::attach::{PROCESSES, set};

const USER: ImageSpec<'static> = ImageSpec { user: "65532:65532", files: &[] };

#[test]
fn a_socket_of_a_pod_is_reached() {
    let (stage, toolkit) = set(Security::Restricted);
    let image = stage.namespace.import_app(USER);
    let mut spec = pod_spec(&image, &[]);
    spec["containers"][0]["args"] = serde_json::json!(["echo", "7007", "/dev/shm/echo.sock"]);
    let pod = stage.namespace.run("web", &spec);
    let forwards = ["0:7007", "0:unix:/dev/shm/echo.sock"];
    let running =
        stage.start(&["forward", "--toolkit", &toolkit, forwards[0], forwards[1], "pod/web"]);
    running.wait_for_stdout("addresses", |said| said.split(|&byte| byte == b'\n').count() == 3);
    let said = String::from_utf8(running.stdout()).expect("text");
    let large: Vec<u8> = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
    for line in said.lines() {
        let address = line.split(' ').next().expect("a word");
        let exchange = || {
            let mut stream = TcpStream::connect(address).ok()?;
            let mut input = stream.try_clone().ok()?;
            let bytes = large.clone();
            let writer = std::thread::spawn(move || {
                let _refused = input.write_all(&bytes);
                let _refused = input.shutdown(Shutdown::Write);
            });
            let mut all = Vec::new();
            let _reset = stream.read_to_end(&mut all);
            writer.join().ok()?;
            (all == [&large[..], b"end"].concat()).then_some(())
        };
        // The target may not listen yet.
        eventually(|| format!("an answer of {line}"), exchange);
    }
    running.signal(Signal::INT);
    running.finish().expect_code(130);
    pod.wait_for_processes(PROCESSES);
}
